// A recorded training run, scrubbed along its accuracy curve: first kernels of every epoch, and what the network makes
// of a picture with the weights that were kept.
import styles from "./training_through_time.css";
import { h, mount, framed, binding, bytesOf, loader } from "./ui.js";
import { largest, paint } from "./colour.js";
import { percent } from "./numbers.js";
import { button, field, probabilityBars, segmented } from "./controls.js";
import { chart } from "./chart.js";
import { mapGrid } from "./maps.js";
import { pictureInput, pictureStyles } from "./picture_input.js";
import { networkStore } from "./network_store.js";
import { stagesOf } from "./stages.js";

const PACE = 500; // milliseconds for each epoch while it plays
const SIDE = 32;

/**
 * @param {{model: import("./ui.js").Model, el: HTMLElement, load?: (name: string) => Promise<Uint8Array>}} host
 * @returns {() => void}
 */
export function render({ model, el, load }) {
  const get = load ?? loader(model);
  const view = mount(el, "training_through_time", "Training through time", pictureStyles + styles, () => redraw());
  const { root, say } = view;
  root.classList.add("tt");
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

  const redraw = framed(draw);
  const state = binding(model, { image: redraw, epoch: redraw, layer: () => build(), kernel: redraw });
  const change = values => {
    state.set(values);
    redraw();
  };
  const store = networkStore(get, redraw);
  const nearest = epoch => kept.reduce((a, b) => (Math.abs(b - epoch) < Math.abs(a - epoch) ? b : a));
  const weightsOf = epoch => `weights/${epoch}`;
  const when = epoch => (epoch ? `after epoch ${epoch}` : "before training");

  const problem = h("p", { role: "alert", hidden: true });
  const given = Uint8Array.from(bytesOf(model.get("image")));
  const input = pictureInput({
    pictures: [{ name: "the first picture", pixels: given }],
    label: "The picture.",
    changed: pixels => change({ image: new DataView(pixels.slice().buffer) }),
    told: text => {
      problem.textContent = text;
      problem.hidden = !text;
      if (text) say(text);
    },
  });
  input.listen(root);

  // The curve
  const title = h("p", { class: "tt-title" });
  const pace = chart({
    label: "Accuracy by epoch",
    height: 170,
    x: { label: "epoch" },
    y: { label: "accuracy", percent: true },
    marker: { label: "Epoch", moved: epoch => scrub(epoch), anywhere: true },
    say,
  });
  const points = list => list.map((share, k) => [k + 1, share]);
  pace.set({
    series: [
      { name: "training", colour: "c1", points: points(training) },
      { name: "validation", colour: "c2", points: points(validation) },
      ...kept.filter(Boolean).map(epoch => ({ name: "", colour: "c2", points: [[epoch, validation[epoch - 1]]] })),
    ],
    x: [0, last],
  });
  const scrub = epoch => {
    pause();
    change({ epoch });
  };

  // Playing
  /** @type {ReturnType<typeof setInterval> | undefined} */
  let timer;
  const play = button("Play", () => (timer ? pause() : start()));
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
  const figure = (name, content) => {
    const more = h("span");
    const head = h("div", { class: "tt-head cw-cap", "aria-hidden": "true" }, h("b", {}, name), h("br"), more);
    const node = h("figure", {}, head, content);
    return { node, more };
  };
  const choose = kernel => change({ kernel });
  const film = mapGrid(`Kernel of the first layer by epoch, 0 to ${last}.`, {
    count: last + 1, height: rows, width: columns, columns: last + 1, chosen: epoch => scrub(epoch),
    hovered: () => {}, // a mouse that passes over it does not scrub
  });
  const first = mapGrid(`The ${count} kernels of the first layer.`, {
    count, height: rows, width: columns, columns: Math.ceil(Math.sqrt(count)), chosen: choose,
  });
  const place = h("div");
  const bars = probabilityBars(model.get("classes"));
  const about = [
    figure("Picture", [input.node, input.pens]), figure("First kernels", first.node), figure("Maps", place),
    figure("Probabilities", bars.node),
  ];
  about[0].more.textContent = "32×32";
  const filmed = h("span", { class: "cw-cap" });
  const layers = h("div");
  root.append(
    title,
    pace.node,
    h("div", { class: "cw-bar tt-bar" }, layers, h("div", { class: "tt-right" }, play, input.gallery, input.sources)),
    problem,
    h("div", { class: "tt-strip" }, about.map(part => part.node)),
    h("div", { class: "tt-film" }, filmed, film.node),
    h("div", { class: "cw-foot cw-cap" }, model.get("note")),
  );

  /** The wall of maps for the chosen layer. */
  function build() {
    if (!network) return;
    const stages = stagesOf(network).filter(stage => stage.kind === "maps");
    const k = Math.min(model.get("layer"), stages.length - 1);
    const stage = stages[k];
    choice ??= segmented("Maps of", stages.map((_, value) => ({ value, text: `Block ${value + 1}` })), k, layer => {
      state.set({ layer });
      build();
    });
    choice.set(k);
    layers.replaceChildren(field("Maps of", choice));
    wall = mapGrid(`Block ${k + 1}: ${stage.count} maps of ${stage.height} × ${stage.width}.`, {
      count: stage.count, height: stage.height, width: stage.width, columns: Math.ceil(Math.sqrt(stage.count)),
      chosen: unit => (k === 0 ? choose(unit) : wall.mark(unit)),
    });
    wall.node.classList.toggle("tt-fine", stage.width > 12);
    wall.stage = stage;
    wall.first = k === 0;
    place.replaceChildren(wall.node);
    redraw();
  }

  /** Kernels as pictures, from `kernels`, on the canvas of a wall. */
  function paintKernels(target, numbers) {
    const { width, height } = target.canvas;
    const across = (width + 1) / (columns + 1);
    const size = rows * columns * 3;
    paint(target.canvas, height, width, i => {
      const [y, x] = [Math.floor(i / width), i % width];
      const k = Math.floor(y / (rows + 1)) * across + Math.floor(x / (columns + 1));
      const [v, u] = [y % (rows + 1), x % (columns + 1)];
      if (!kernels || v === rows || u === columns || k >= numbers.length) return null;
      const from = numbers[k] * size + (v * columns + u) * 3;
      return kernels.subarray(from, from + 3);
    });
  }

  function draw() {
    const epoch = model.get("epoch");
    const weights = nearest(epoch);
    const image = bytesOf(model.get("image"));
    input.set(image);
    pace.set({ marker: epoch });
    const [learned, validated] = [training, validation].map(list => (epoch ? percent(list[epoch - 1], 1) : ""));
    title.replaceChildren(
      h("b", {}, epoch ? `Epoch ${epoch}` : "Before training"),
      epoch ? `: training ${learned}, validation ${validated}` : "",
    );
    const kernel = model.get("kernel");
    if (kernels) {
      paintKernels(first, Array.from({ length: count }, (_, k) => epoch * count + k));
      paintKernels(film, Array.from({ length: last + 1 }, (_, e) => e * count + kernel));
    }
    first.mark(kernel);
    film.mark(epoch);
    filmed.textContent = `Kernel ${kernel} by epoch, from 0 to ${last}`;
    about[1].more.textContent = when(epoch);

    const { network: ready, problem: failed } = store.of(weightsOf(weights), kept.map(weightsOf).reverse());
    const stand = epoch === weights ? when(weights) : `${when(weights)} (nearest)`;
    if (!ready) {
      about[2].more.textContent = about[3].more.textContent = failed ?? `loading epoch ${weights} …`;
      return;
    }
    const isFirst = !network;
    network = ready;
    if (isFirst) build();
    const { probabilities } = network.forward(image);
    wall.draw(network.map(wall.stage.layer), view.colours());
    if (wall.first) wall.mark(kernel);
    bars.set(probabilities);
    const { stage } = wall;
    about[2].node.querySelector("b").textContent = `${stage.count} maps of ${stage.height}×${stage.width}`;
    about[2].more.textContent = about[3].more.textContent = stand;
    const best = probabilities.indexOf(Math.max(...probabilities));
    say(`${title.textContent}. ${network.classes[best]}, ${percent(probabilities[best])}, ${stand}`);
  }

  get("kernels").then(bytes => {
    kernels = bytes;
    redraw();
  });
  draw();
  return () => {
    pause();
    store.close();
    input.close();
    pace.close();
    state.close();
    view.close();
  };
}
