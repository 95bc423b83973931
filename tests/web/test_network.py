"""The network in Chromium computes what PyTorch computes."""

from __future__ import annotations

import base64
import copy
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from playwright.sync_api import Browser, Error, Page
from torch import Tensor, nn

from cifar_helpers import MLP, CifarCNN, CompactCNN, FastCNN, ImageSet, load_run
from cifar_helpers.data import Cifar10, default_root, load_cifar10, normalise
from cifar_helpers.data.readers import find_batches
from cifar_helpers.evaluation.attribution import attribute
from cifar_helpers.web import export_page
from cifar_helpers.web.graph import trace
from cifar_helpers.web.join import FRONTEND, join
from cifar_helpers.web.weights import encode

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore:Using padding='same' with even")]

_HELPERS = """
window.load = async name => new Uint8Array(await (await fetch(`/files/${name}`)).arrayBuffer());
window.text = numbers => {
    const bytes = new Uint8Array(Float32Array.from(numbers).buffer);
    let all = "";
    for (let k = 0; k < bytes.length; k += 32768) all += String.fromCharCode(...bytes.subarray(k, k + 32768));
    return btoa(all);
};
window.network = async name => {
    const { Network, decode } = await import("/network.js");
    return new Network(decode(await load(name)));
};
"""


class Answer(BaseHTTPRequestHandler):
    """The modules of the front end, an empty page, and the files of the test that runs."""

    files: ClassVar[dict[str, bytes]] = {}

    def do_GET(self) -> None:
        kind, headers = "application/octet-stream", {}
        if self.path.startswith("/files/"):
            body = self.files[self.path.removeprefix("/files/")]
        elif self.path.endswith(".js"):
            kind, body = "text/javascript", (FRONTEND / self.path[1:]).read_bytes()
        else:
            kind, body = "text/html", b"<!doctype html><title>Test</title>"
            if self.path == "/without-workers":
                headers["Content-Security-Policy"] = "worker-src 'none'"
        self.send_response(200)
        headers |= {"Content-Type": kind, "Content-Length": str(len(body)), "Cache-Control": "no-store"}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


class Host:
    """A page from a server of its own: what Playwright answers instead passes through three processes."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        page.add_init_script(_HELPERS)
        self.open("/")

    def open(self, path: str) -> None:
        self.page.goto(self.address + path)

    def run(self, code: str, argument: object = None) -> Any:
        return self.page.evaluate(code, argument)

    def put(self, name: str, content: bytes) -> str:
        Answer.files[name] = content
        return name


@pytest.fixture(scope="module")
def host(_browser: Browser) -> Iterator[Host]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        page = _browser.new_page()
        yield Host(page, f"http://127.0.0.1:{server.server_port}")
        page.close()
        server.shutdown()


@pytest.fixture(scope="module")
def validation(request: pytest.FixtureRequest) -> ImageSet:
    """Images of the real data, if it is there."""
    data: Cifar10
    if find_batches(default_root()) is None:
        data = request.getfixturevalue("sketches")
    else:
        data = load_cifar10(source="cifar10", download=False)
    return data.split()[1]


@pytest.fixture(scope="module")
def trained() -> nn.Module:
    return load_run("good-25").model().eval()


def pixels(images: Tensor) -> bytes:
    return images.permute(0, 2, 3, 1).contiguous().numpy().tobytes()


def numbers(text: str) -> np.ndarray[Any, Any]:
    return np.frombuffer(base64.b64decode(text), np.float32)


def stirred(model: nn.Module) -> nn.Module:
    """The same network with batch norms as after some training, in eval mode."""
    torch.manual_seed(0)
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d | nn.BatchNorm1d):
            assert layer.running_mean is not None and layer.running_var is not None
            layer.running_mean.normal_(std=0.3)
            layer.running_var.uniform_(0.3, 2)
            if layer.affine:
                nn.init.uniform_(layer.weight, -0.5, 1.5)
                nn.init.normal_(layer.bias, std=0.3)
    return model.eval()


class Residual(nn.Module):
    """A small network with a shortcut whose sum is also taken in place, and functions in place of layers."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 6, 3, padding=1, stride=2)
        self.second = nn.Sequential(nn.Conv2d(6, 6, 3, padding=1), nn.BatchNorm2d(6))
        self.relu, self.last = nn.ReLU(inplace=True), nn.Linear(6, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.first(x))
        x = self.relu(self.second(x) + x)
        x = nn.functional.gelu(x, approximate="tanh")
        return self.last((x + x).mean((2, 3))) * 2


def odd_shapes() -> nn.Module:
    """Sizes, strides and numbers of channels with no common divisors."""
    return nn.Sequential(
        nn.Conv2d(3, 7, (5, 3), stride=2, padding=(2, 0), bias=False), nn.BatchNorm2d(7, affine=False), nn.GELU("tanh"),
        nn.Conv2d(7, 9, 3, dilation=2, padding="same"), nn.ReLU(), nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True),
        nn.AvgPool2d((2, 3), stride=(1, 2), padding=1, ceil_mode=True),
        nn.Conv2d(9, 6, 2, padding="same", groups=3), nn.MaxPool2d(2, stride=1, dilation=2),
        nn.AvgPool2d(2, stride=1, padding=1, count_include_pad=False), nn.AdaptiveAvgPool2d((4, 2)), nn.Flatten(),
        nn.Linear(48, 11), nn.BatchNorm1d(11), nn.GELU(), nn.Dropout(), nn.Linear(11, 10, bias=False),
    )  # fmt: skip


NETWORKS = {
    "CifarCNN": CifarCNN,
    "half as wide": lambda: CifarCNN(width=0.3),
    "CompactCNN": CompactCNN,
    "FastCNN": lambda: FastCNN((16, 24, 40)),  # the layers of the wide one, with fewer weights to send
    "MLP": MLP,
    "residual": Residual,
    "odd shapes": odd_shapes,
}


def outputs(model: nn.Module, images: Tensor) -> dict[str, Tensor]:
    """The output of each layer's first call, by the layer's name."""
    seen: dict[str, Tensor] = {}

    def hook(name: str) -> Any:
        def keep(_layer: nn.Module, _inputs: Any, out: Tensor) -> None:
            seen.setdefault(name, out.clone())  # the next layer may change it in place

        return keep

    leaves = {name: layer for name, layer in model.named_modules() if name and not list(layer.children())}
    handles = [layer.register_forward_hook(hook(name)) for name, layer in leaves.items()]
    with torch.no_grad():
        seen["the logits"] = model(images)
    for handle in handles:
        handle.remove()
    return seen


MAPS = """async ([name, pictures]) => {
    const net = await network(name);
    const bytes = await load(pictures);
    const all = [];
    for (let k = 0; k < bytes.length; k += 3072) {
        net.forward(bytes.subarray(k, k + 3072));
        all.push(net.layers.map(layer => text(net.map(layer.index))));
    }
    return all;
}"""


@pytest.mark.parametrize("name", NETWORKS)
def test_every_map_is_that_of_pytorch(host: Host, validation: ImageSet, name: str) -> None:
    model = stirred(NETWORKS[name]())
    images = validation.images[:2]
    expected = outputs(model, normalise(images))
    nodes = trace(model).nodes
    found = host.run(MAPS, [host.put("net", encode(model, "float32")), host.put("pictures", pixels(images))])
    compared = 0
    for k, maps in enumerate(found):
        for node, values in zip(nodes, map(numbers, maps), strict=True):
            wanted = normalise(images)[k] if node.op == "input" else expected.get(node.name, [None, None])[k]
            if node is nodes[-1]:
                wanted = expected["the logits"][k]
            if wanted is not None:
                compared += 1
                # Only a ReLU in place lets PyTorch's own hooks see less than what is computed.
                np.testing.assert_allclose(values, wanted.flatten(), rtol=1e-4, atol=2e-5, err_msg=node.label)
    layers = sum(node.op not in ("add", "multiply") for node in nodes)
    assert compared >= 2 * (layers - 3 if name == "residual" else layers)


LOGITS = """async ([name, pictures]) => {
    const net = await network(name);
    const bytes = await load(pictures);
    const logits = [];
    const times = [];
    for (let k = 0; k < bytes.length; k += 3072) {
        const start = performance.now();
        const answer = net.forward(bytes.subarray(k, k + 3072));
        times.push(performance.now() - start);
        logits.push(...answer.logits);
    }
    times.sort((a, b) => a - b);
    return { logits: text(logits), median: times[times.length >> 1], p95: times[Math.floor(times.length * 0.95)] };
}"""
TENSORS = """async name => {
    const { decode } = await import("/network.js");
    const { tensors } = decode(await load(name));
    return Object.fromEntries(Object.entries(tensors).map(([key, { values }]) => [key, text(values)]));
}"""


EXPORTED = {
    "good-25": lambda: load_run("good-25").model().eval(),
    "small FastCNN": lambda: stirred(FastCNN((16, 64, 64))),
    "fast-16": lambda: load_run("fast-16").model().eval(),
}


@pytest.mark.parametrize(
    ("name", "precision", "close"),
    [
        ("good-25", "float32", 1e-3),
        ("good-25", "float16", 2e-3),
        ("small FastCNN", "float32", 1e-3),
        pytest.param("fast-16", "float32", 1e-3, marks=pytest.mark.slow),  # 26 times the arithmetic
    ],
)
def test_the_exported_page_gives_the_logits_and_classes_of_pytorch(
    host: Host, validation: ImageSet, tmp_path: Path, name: str, precision: Any, close: float
) -> None:
    model = EXPORTED[name]()
    images = validation.images[:60]
    with torch.inference_mode():
        expected = model(normalise(images)).numpy()
    text = export_page(model, tmp_path / "page.html", precision=precision).read_text(encoding="utf-8")
    (weights,) = re.findall(r'data-file="weights/yours">([^<]+)<', text)
    found = host.run(LOGITS, [host.put("net", base64.b64decode(weights)), host.put("pictures", pixels(images))])
    logits = numbers(found["logits"]).reshape(-1, 10)
    largest = np.abs(logits - expected).max()
    print(f"{name}, {precision}: {largest:.2g}; {found['median']:.1f} ms, p95 {found['p95']:.1f}")
    np.testing.assert_allclose(logits, expected, atol=close * min(1.0, float(expected.std())), rtol=0)
    two = np.sort(expected, axis=1)[:, -2:]
    near_ties = two[:, 1] - two[:, 0] < 2 * largest
    assert ((logits.argmax(1) == expected.argmax(1)) | near_ties).all()


def test_int8_costs_almost_no_accuracy(host: Host, trained: nn.Module, validation: ImageSet) -> None:
    name = host.put("net", encode(trained, "int8"))
    rounded = copy.deepcopy(trained)
    weights = rounded.state_dict()
    # What the browser has read, put back into PyTorch, which classifies many pictures faster.
    for key, text in host.run(TENSORS, name).items():
        weights[key] = torch.from_numpy(numbers(text).copy()).view_as(weights[key])
    rounded.load_state_dict(weights)
    images, labels = validation.images[:2000], validation.labels[:2000]
    with torch.inference_mode():
        batches = normalise(images).to(memory_format=torch.channels_last).split(100)
        exact, expected = (torch.cat([model(batch) for batch in batches]) for model in (trained, rounded))
    found = host.run(LOGITS, [name, host.put("pictures", pixels(images[:50]))])
    np.testing.assert_allclose(numbers(found["logits"]).reshape(-1, 10), expected[:50], atol=2e-3)
    accuracies = [float((logits.argmax(1) == labels).float().mean()) for logits in (exact, expected)]
    difference = float((exact - expected).abs().max())
    same = float((exact.argmax(1) == expected.argmax(1)).float().mean())
    print(f"int8: largest difference {difference:.3f}, same class {same:.2%}, accuracies {accuracies}")
    assert difference < 0.2 and same > 0.985 and accuracies[0] - accuracies[1] < 0.005
    if find_batches(default_root()) is not None:
        assert round(100 * same, 1) == 99.9  # as lesson 09 says of CIFAR-10


ANSWERS = """async name => {
    const net = await network(name);
    const layer = net.layers.find(one => one.name === "features.1.0");
    const { logits, probabilities } = net.forward(new Uint8Array(3072).fill(90));
    const planes = Float32Array.from(net.input);
    return {
        layer, bias: net.bias(layer.index, 5), none: net.bias(0, 0),
        classes: net.classes, epoch: net.epoch, logits, sum: probabilities.reduce((a, b) => a + b),
        again: net.forwardPlanes(planes).logits,
    };
}"""


def test_biases_layers_and_classes_can_be_asked_for(host: Host, trained: nn.Module) -> None:
    found = host.run(ANSWERS, host.put("net", encode(trained, "float32", epoch=25)))
    layer = trained.get_submodule("features.1.0")
    assert isinstance(layer, nn.Conv2d) and layer.bias is not None
    assert found["bias"] == pytest.approx(layer.bias[5].item()) and found["none"] == 0
    assert (found["layer"]["label"], found["layer"]["shape"]) == ("block 2, convolution", [64, 16, 16])
    assert found["epoch"] == 25 and found["classes"][7] == "horse" and found["sum"] == pytest.approx(1)
    assert found["again"] == pytest.approx(found["logits"], abs=1e-5)


VIEWS = """async name => {
    const { decode } = await import("/network.js");
    const bytes = await load(name);
    const moved = new Uint8Array(bytes.length + 7);
    moved.set(bytes, 3);
    const forms = [bytes.buffer, bytes, new DataView(moved.buffer, 3, bytes.length), moved.subarray(3)];
    return forms.map(form => text(decode(form).tensors["head.weight"].values));
}"""


def test_a_file_may_lie_anywhere_in_its_buffer(host: Host) -> None:
    model = FastCNN((16, 24, 40))
    for text in host.run(VIEWS, host.put("net", encode(model, "float16"))):
        np.testing.assert_allclose(numbers(text), model.head.weight.detach().flatten(), atol=1e-4)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda file: b"PNG!" + file[4:], "not a weights file"),
        (lambda file: b"", "not a weights file"),
        (lambda file: file[:6], "cut off within its header"),
        (lambda file: file[:500], "cut off within its header"),
        (lambda file: file[:-1], r"cut off after \d+ of \d+ bytes: load it again"),
        (lambda file: file.replace(b'"version":1', b'"version":9'), "version 9, not 1"),
        (lambda file: file.replace(b'"type":"f16"', b'"type":"f99"'), "unknown type f99"),
    ],
)
def test_a_damaged_file_is_refused(host: Host, change: Any, says: str) -> None:
    name = host.put("damaged", change(encode(MLP(hidden=[4]))))
    with pytest.raises(Error, match=says):
        host.run("name => network(name)", name)


def test_pictures_of_another_size_are_refused(host: Host) -> None:
    name = host.put("net", encode(MLP(hidden=[4])))
    with pytest.raises(Error, match="takes 3 × 32 × 32 numbers, not 1024"):
        host.run("async name => { (await network(name)).forward(new Uint8Array(1024)); }", name)
    with pytest.raises(Error, match="takes 3 × 32 × 32 numbers, not 7"):
        host.run("async name => { (await network(name)).forwardPlanes(new Float32Array(7)); }", name)


def test_a_network_for_grey_pictures_takes_planes(host: Host) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 5, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 10))
    planes = torch.randn(1, 1, 32, 32)
    names = [host.put("net", encode(model, "float32")), host.put("planes", planes.numpy().tobytes())]
    found = host.run(
        "async ([name, p]) => (await network(name)).forwardPlanes(new Float32Array((await load(p)).buffer)).logits",
        names,
    )
    np.testing.assert_allclose(found, model(planes)[0].detach(), atol=1e-5)


CAM = """async ([name, pictures, target]) => {
    const { gradCam, lastMaps } = await import("/heavy.js");
    const net = await network(name);
    return text(gradCam(net, await load(pictures), lastMaps(net), target).map);
}"""
OCCLUSION = """async ([name, pictures, target]) => {
    const { occlusion } = await import("/heavy.js");
    const { corners, logit } = occlusion(await network(name), await load(pictures), { size: 8, stride: 4, target });
    return text([...corners.flat(), ...logit]);
}"""


@pytest.mark.parametrize("name", ["CifarCNN", "CompactCNN", "FastCNN", "odd shapes"])
def test_grad_cam_is_that_of_the_course(host: Host, validation: ImageSet, name: str) -> None:
    model = stirred(NETWORKS[name]())
    image, target = validation.images[3], 4
    names = [host.put("net", encode(model, "float32")), host.put("pictures", pixels(image[None]))]
    wanted = attribute(model, image, target, "Grad-CAM").flatten()
    found = numbers(host.run(CAM, [*names, target]))
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-4 * np.abs(wanted).max())


def test_occlusion_is_that_of_the_course(host: Host, trained: nn.Module, validation: ImageSet) -> None:
    image, target = validation.images[3], int(validation.labels[3])
    names = [host.put("net", encode(trained, "float32")), host.put("pictures", pixels(image[None]))]
    # Python adds up the three colours, of which each has the whole difference.
    wanted = attribute(trained, image, target, "occlusion").flatten() / 3
    corners, losses = np.split(numbers(host.run(OCCLUSION, [*names, target])), [98])
    assert [*corners[:4], *corners[-2:]] == [0, 0, 0, 4, 24, 24]
    total, covers = np.zeros((32, 32)), np.zeros((32, 32))
    for (top, left), loss in zip(corners.astype(int).reshape(-1, 2), losses, strict=True):
        total[top : top + 8, left : left + 8] += loss
        covers[top : top + 8, left : left + 8] += 1
    found = (total / covers).flatten()  # as Captum: at each pixel the mean of the covers over it
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-4 * np.abs(wanted).max())


EARLIER = """async ([name, pictures, index]) => {
    const { gradCam } = await import("/heavy.js");
    const net = await network(name);
    const { cells, shape } = gradCam(net, await load(pictures), index, 2);
    return { cells: text(cells), shape };
}"""


@pytest.mark.parametrize("name", ["CifarCNN", "residual", "odd shapes"])
def test_grad_cam_goes_back_through_every_kind_of_layer(host: Host, validation: ImageSet, name: str) -> None:
    model = stirred(NETWORKS[name]())
    path = "features.0.1" if name == "CifarCNN" else "first" if name == "residual" else "0"
    image = validation.images[5:6]
    kept: list[Tensor] = []

    def keep(_layer: nn.Module, _inputs: Any, out: Tensor) -> Tensor:
        out.retain_grad()
        kept.append(out)
        return out.clone()  # the next layer may work in place

    with model.get_submodule(path).register_forward_hook(keep):
        model(normalise(image))[0, 2].backward()  # type: ignore[no-untyped-call]
    (out,) = kept
    assert out.grad is not None
    wanted = (out.grad.mean((2, 3), keepdim=True) * out).sum(1)[0].detach()
    (index,) = (k for k, node in enumerate(trace(model).nodes) if node.name == path)
    names = [host.put("net", encode(model, "float32")), host.put("pictures", pixels(image))]
    found = host.run(EARLIER, [*names, index])
    assert found["shape"] == list(wanted.shape)
    np.testing.assert_allclose(
        numbers(found["cells"]), wanted.flatten(), rtol=1e-3, atol=1e-4 * float(wanted.abs().max())
    )


def test_grad_cam_of_a_layer_without_maps_is_refused(host: Host, validation: ImageSet) -> None:
    names = [host.put("net", encode(MLP())), host.put("pictures", pixels(validation.images[:1]))]
    with pytest.raises(Error, match='needs a layer with maps; "hidden layer 1" has 512 numbers'):
        host.run(EARLIER, [*names, 2])


BACKGROUND = """async ([name, pictures, source]) => {
    const { Background, workerSource } = await import("/heavy.js");
    const background = new Background(workerSource(source), await load(name));
    const picture = await load(pictures);
    const late = new Promise((_, reject) => setTimeout(() => reject(new Error("no answer in 30 s")), 30000));
    const [covered, problem] = await Promise.race([late, Promise.all([
        background.run("occlusion", [picture, { size: 16, stride: 16, target: 1 }]),
        background.run("gradCam", [picture, 0.5, 1]).catch(error => error.message),
    ])]);
    const { inWorker } = background;
    background.close();
    return {
        inWorker, problem, loss: [covered.logit[0], covered.probability[0]],
    };
}"""


@pytest.mark.parametrize(("path", "in_worker"), [("/", True), ("/without-workers", False)])
def test_tasks_run_in_a_worker_or_without_one(
    host: Host, trained: nn.Module, validation: ImageSet, path: str, in_worker: bool
) -> None:
    host.open(path)
    image = validation.images[:1]
    names = [host.put("net", encode(trained, "float32")), host.put("pictures", pixels(image))]
    found = host.run(BACKGROUND, [*names, join("heavy")])
    assert found["inWorker"] is in_worker
    covered = normalise(image)
    covered[:, :, :16, :16] = 0
    with torch.no_grad():
        whole, without = trained(normalise(image))[0], trained(covered)[0]
    losses = [whole[1] - without[1], whole.softmax(0)[1] - without.softmax(0)[1]]
    np.testing.assert_allclose(found["loss"], losses, atol=1e-4)
    assert "undefined" in found["problem"]
    host.open("/")
