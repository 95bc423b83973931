// A recorded training run, scrubbed along its accuracy curve: the first kernels of every epoch, and maps and
// probabilities of a picture with the last weights that were kept until then.
import styles from "./training_through_time.css";
import { h, framed, bytesOf } from "./ui.js";
import { paint } from "./colour.js";
import { percent } from "./numbers.js";
import { button, probabilityBars, segmented } from "./controls.js";
import { mapGrid } from "./maps.js";
import { colourKey, epochCurve, figure, pictureView } from "./picture_view.js";
import { stagesOf } from "./stages.js";

const PACE = 500; // milliseconds for each epoch while it plays
const GUESSING = 0.1;

/**
 * @param {{model: import("./ui.js").Model, el: HTMLElement, load?: (name: string) => Promise<Uint8Array>}} host
 * @returns {() => void}
 */
export function render(host) {
  const { model } = host;
  const redraw = framed(() => draw());
  const view = pictureView(host, {
    name: "training_through_time", label: "Training through time", styles, pictures: [], redraw,
    reset: "Undo: show the first picture", keeps: true,
    heard: { image: redraw, epoch: redraw, layer: () => build(), kernel: redraw },
  });
  const { root, say, store, input, change } = view;
  const kept = model.get("epochs");
  const [training, validation] = [model.get("training"), model.get("validation")];
  const last = validation.length;
  const [count, rows, columns] = model.get("kernel_shape");
  /** @type {Uint8Array | null} (epochs + 1, count, rows, columns, 3) */
  let kernels = null;
  /** @type {import("./network.js").Network | undefined} */
  let network;
  /** @type {any} the wall of maps, with its stage */
  let wall = null;
  /** @type {any} */
  let choice = null;

  const reached = epoch => kept.findLast(one => one <= epoch) ?? kept[0];
  const weightsOf = epoch => `weights/${epoch}`;
  const when = epoch => (epoch ? `after epoch ${epoch}` : "before training");

  // The curve
  const title = h("p");
  const source = h("p", { class: "cw-cap" });
  const scrub = epoch => {
    pause();
    change({ epoch });
  };
  const points = list => list.map((share, k) => [k + 1, share]);
  const pace = epochCurve(
    { label: "Accuracy", height: 150, moved: scrub, say },
    [
      { name: "training", colour: "c1", points: points(training) },
      { name: "validation", colour: "c2", points: points(validation) },
      { name: "guessing", colour: "ghost", dash: "2 3", points: [[0, GUESSING], [last, GUESSING]] },
    ],
    { kept, accuracy: validation, colour: "c2" },
  );

  // Playing
  /** @type {ReturnType<typeof setInterval> | undefined} */
  let timer;
  const play = button("Play", () => (timer ? pause() : start()), { main: true });
  function start() {
    if (model.get("epoch") === last) change({ epoch: 0 });
    timer = setInterval(() => {
      change({ epoch: model.get("epoch") + 1 });
      if (model.get("epoch") === last) pause();
    }, PACE);
    play.textContent = "Pause";
  }
  function pause() {
    clearInterval(timer);
    timer = undefined;
    play.textContent = "Play";
  }

  // Kernels, maps, probabilities
  /** @type {number | null} under the pointer, which shows it until it leaves */
  let pointed = null;
  const look = kernel => {
    pointed = kernel;
    redraw();
  };
  const choose = kernel => change({ kernel });
  const film = mapGrid(`Kernel of the first layer by epoch, 0 to ${last}.`, {
    count: last + 1, height: rows, width: columns, columns: last + 1, chosen: epoch => scrub(epoch),
    hovered: () => {}, // a mouse that passes over it does not scrub
  });
  const gaps = Array.from({ length: last + 1 }, () => h("i"));
  // Each kernel below its epoch on the curve's axis: first and last are centred on the axis' ends.
  const pitch = 1 / (columns + 1) / last;
  const [wide, half] = [film.canvas.width * pitch, (columns * pitch) / 2];
  const left = `calc(var(--cw-axis-left) - ${half} * var(--cw-axis))`;
  const strip = h(
    "div", { style: `margin-left: ${left}; width: calc(${wide} * var(--cw-axis))` },
    film.node, h("div", { class: "tt-gaps", "aria-hidden": "true" }, gaps),
  );
  const first = mapGrid(`The ${count} kernels of the first layer.`, {
    count, height: rows, width: columns, columns: Math.ceil(Math.sqrt(count)), chosen: choose,
    hovered: look,
  });
  const place = h("div");
  const bars = probabilityBars(model.get("classes"));
  const kernelPart = figure("First kernels", "", first.node);
  const mapPart = figure("Maps", "", place);
  const barPart = figure("Probabilities", "", bars.node);
  const picturePart = figure("Picture", "32×32", input.node, input.pens, view.reset, input.sources);
  const filmed = h("p", { class: "cw-cap tt-filmed" });
  const layers = h("div", { class: "tt-layers" });
  mapPart.node.append(layers);
  pace.node.append(strip, filmed);
  root.append(
    h("div", { class: "tt-top" }, play, h("div", {}, title, source)),
    pace.node,
    view.problem,
    h("div", { class: "tt-strip" }, [picturePart, kernelPart, mapPart, barPart].map(part => part.node)),
    h("div", { class: "cw-foot cw-cap" }, h("span", {}, model.get("note")), colourKey()),
  );

  /** The wall of maps for the chosen layer; a map of the first block belongs to the kernel of the same number. */
  function build() {
    if (!network) return;
    const stages = stagesOf(network).filter(stage => stage.kind === "maps");
    const k = Math.min(model.get("layer"), stages.length - 1);
    const stage = stages[k];
    const blocks = stages.map((_, value) => ({ value, text: value + 1, name: `Block ${value + 1}` }));
    choice ??= segmented("Maps of", blocks, k, layer => {
      change({ layer });
      build();
    });
    choice.set(k);
    layers.replaceChildren(choice.node);
    wall = mapGrid(`Block ${k + 1}: ${stage.count} maps of ${stage.height} × ${stage.width}.`, {
      count: stage.count, height: stage.height, width: stage.width, columns: Math.ceil(Math.sqrt(stage.count)),
      chosen: unit => k === 0 && choose(unit), hovered: unit => k === 0 && look(unit),
    });
    wall.node.classList.toggle("pv-fine", stage.width > 12);
    wall.node.classList.toggle("tt-still", k > 0);
    if (k > 0) wall.node.tabIndex = -1;
    Object.assign(wall, { stage, isFirst: k === 0 });
    mapPart.title.textContent = `Block ${k + 1}`;
    mapPart.more.textContent = `${stage.count} of ${stage.height}×${stage.width}`;
    place.replaceChildren(wall.node);
    redraw();
  }

  const size = rows * columns * 3;
  const pixelsOf = k => kernels.subarray(k * size, (k + 1) * size);
  /** Kernels as pictures, from `kernels`, on the canvas of a wall. */
  function paintKernels(target, numbers) {
    const { width, height } = target.canvas;
    const across = (width + 1) / (columns + 1);
    paint(target.canvas, height, width, i => {
      const [y, x] = [Math.floor(i / width), i % width];
      const k = Math.floor(y / (rows + 1)) * across + Math.floor(x / (columns + 1));
      const [v, u] = [y % (rows + 1), x % (columns + 1)];
      if (!kernels || v === rows || u === columns || k >= numbers.length) return null;
      return pixelsOf(numbers[k]).subarray((v * columns + u) * 3);
    });
  }

  function draw() {
    const epoch = model.get("epoch");
    const kernel = pointed ?? model.get("kernel");
    const used = reached(epoch);
    const image = bytesOf(model.get("image"));
    input.set(image);
    pace.set({ marker: epoch });
    const [learned, validated] = [training, validation].map(list => (epoch ? percent(list[epoch - 1], 1) : ""));
    const accuracies = epoch ? `: training ${learned}, validation ${validated}` : "";
    title.replaceChildren(h("b", {}, epoch ? `Epoch ${epoch}` : "Before training"), accuracies);
    if (kernels) {
      paintKernels(first, Array.from({ length: count }, (_, k) => epoch * count + k));
      paintKernels(film, gaps.map((_, e) => e * count + kernel));
      const every = gaps.map((_, e) => pixelsOf(e * count + kernel));
      const far = every.map(pixels => Math.hypot(...Array.from(pixels, (value, k) => value - every[last][k])));
      const most = Math.max(...far) || 1;
      gaps.forEach((bar, e) => {
        bar.style.height = `${(far[e] / most) * 100}%`;
        bar.classList.toggle("now", e === epoch);
      });
    }
    first.mark(kernel);
    film.mark(epoch);
    const words = ` after each epoch; it computes map ${kernel} of Block 1. Bars: how far it is from its final form.`;
    filmed.replaceChildren(h("b", {}, `Kernel ${kernel}`), words);
    kernelPart.more.textContent = when(epoch);

    // From Python, the other weights come in advance; a page fetches only those that are asked for.
    const { network: ready, problem } = store.of(weightsOf(used), model.send ? kept.map(weightsOf).reverse() : []);
    const stand = epoch === used ? when(used) : `weights of epoch ${used}`;
    barPart.more.textContent = ready ? stand : problem ?? `loading epoch ${used} …`;
    source.textContent = epoch === used
      ? "Drag along the curve. At the dots, all weights were kept."
      : `Maps and probabilities: weights of epoch ${used}, the last dot.`;
    if (!ready) return;
    const isNew = !network;
    network = ready;
    if (isNew) build();
    const { probabilities } = network.forward(image);
    wall.draw(network.map(wall.stage.layer), view.colours());
    wall.mark(wall.isFirst ? kernel : -1);
    bars.set(probabilities);
    const best = probabilities.indexOf(Math.max(...probabilities));
    say(`${title.textContent}. ${network.classes[best]}, ${percent(probabilities[best])}, ${stand}`);
  }

  view.get("kernels").then(
    bytes => {
      kernels = bytes;
      redraw();
    },
    error => {
      kernelPart.more.textContent = `not loaded: ${error.message}`;
    },
  );
  draw();
  return () => {
    pause();
    pace.close();
    view.close();
  };
}
