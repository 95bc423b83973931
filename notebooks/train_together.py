"""Train one network in several processes, which share each batch. Lesson 08 starts it:

torchrun --standalone --nproc-per-node=2 train_together.py
"""

import os

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

from cifar_helpers import BatchLoader, CifarCNN, fit, load_cifar10

rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
dist.init_process_group("gloo")  # "nccl" where each process has a GPU of its own

train, validation = load_cifar10().split()
torch.manual_seed(0)  # the same weights everywhere
model = DistributedDataParallel(CifarCNN(dropout=0.0))
optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
loader = BatchLoader(train.subset(slice(0, 4000)), 100, shuffle=True, shard=(rank, world))
some = validation.subset(slice(0, 1000))
history = fit(model, loader, some, epochs=2, optimizer=optimizer, precision="float32", progress=False)

if rank == 0:
    last = history.rows[-1]
    print(f"{world} process(es): loss {last.train_loss:.3f}, validation accuracy {last.validation_accuracy:.1%}")
    print(f"{sum(history['seconds']):.1f} seconds of training")
dist.destroy_process_group()
