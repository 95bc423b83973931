# The course for CPUs, with the versions in constraints.txt. It has not been built yet.
#   docker build --tag cifar-course .
#   docker run --rm --publish 127.0.0.1:8888:8888 --volume "$PWD/my-course:/home/learner/course" cifar-course
# The lessons are written into my-course, where what you change is kept.
FROM python:3.11-slim

WORKDIR /source
COPY . .
# uv takes the build of PyTorch for CPUs, which is gigabytes smaller.
ENV UV_TORCH_BACKEND=cpu
RUN pip install --no-cache-dir uv \
    && uv pip install --system --no-cache --constraint constraints.txt ".[lab]"

# Learners' code is not run by root.
RUN useradd --create-home learner && install --directory --owner learner /home/learner/course
USER learner
WORKDIR /home/learner/course
EXPOSE 8888
CMD ["sh", "-c", "cifar-course lessons . && exec jupyter lab --ip=0.0.0.0 --no-browser notebooks/00_start_here.ipynb"]
