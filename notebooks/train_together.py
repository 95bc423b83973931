"""Train one network in several processes, which share each batch. Lesson 08 starts it:

torchrun --standalone --nproc-per-node=2 train_together.py
"""

import os

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

from cifar_helpers import BatchLoader, CifarCNN, fit, load_cifar10

rank, world_size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])  # among all processes
local_rank, on_this_machine = int(os.environ["LOCAL_RANK"]), int(os.environ["LOCAL_WORLD_SIZE"])
device = torch.device("cpu")
kind = torch.accelerator.current_accelerator()
if kind and kind.type != "mps" and torch.accelerator.device_count() >= on_this_machine:
    device = torch.device(kind.type, local_rank)  # a GPU for each process of this machine
    torch.accelerator.set_device_index(local_rank)
dist.init_process_group(dist.get_default_backend_for_device(device))

train, validation = load_cifar10().split()
torch.manual_seed(0)  # the same weights everywhere
network = CifarCNN(dropout=0.0).to(device)  # before it is wrapped
model = DistributedDataParallel(network, device_ids=None if device.type == "cpu" else [local_rank])
optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
loader = BatchLoader(train.subset(slice(0, 2000)), 100, shuffle=True, shard=(rank, world_size))
some = validation.subset(slice(0, 1000))
history = fit(model, loader, some, epochs=2, optimizer=optimizer, precision="float32", progress=False)

if rank == 0:
    last, seconds = history.rows[-1], sum(history["seconds"])
    result = f"loss {last.train_loss:.3f}, validation accuracy {last.validation_accuracy:.1%}, {seconds:.1f} seconds"
    print(f"{world_size} process(es): {result} of training")
dist.destroy_process_group()
