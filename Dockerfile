# The course for CPUs, with the versions in constraints.txt:
#   docker build --tag cifar-course .
#   docker run --rm --publish 127.0.0.1:8888:8888 cifar-course
# Work in the container is lost with it; mount a folder on /home/learner/course/notebooks to keep it.
FROM python:3.11-slim

WORKDIR /source
COPY . .
# uv takes the build of PyTorch for CPUs, which is gigabytes smaller.
ENV UV_TORCH_BACKEND=cpu
RUN pip install --no-cache-dir uv \
    && uv pip install --system --no-cache --constraint constraints.txt ".[lab]"

# Learners' code is not run by root.
RUN useradd --create-home learner
USER learner
WORKDIR /home/learner/course
RUN cifar-course lessons .
EXPOSE 8888
CMD ["jupyter", "lab", "--ip=0.0.0.0", "--no-browser", "notebooks/00_start_here.ipynb"]
