// A picture on its way through a network: maps, hidden units, probabilities; drawn again while the picture, the epoch
// or the network changes, with wires from what feeds the map that is looked at.
import styles from "./through_the_network.css";
import { h, svg, canvas, mount, framed, binding, bytesOf, loader } from "./ui.js";
import { at, css, inkOn, largest, paintSigned } from "./colour.js";
import { fixed, percent } from "./numbers.js";
import { arrows, cellUnder, probabilityBars, segmented } from "./controls.js";
import { chart } from "./chart.js";
import { mapGrid } from "./maps.js";
import { pictureInput, pictureStyles } from "./picture_input.js";
import { networkStore } from "./network_store.js";
import { stagesOf, feeds } from "./stages.js";

const PIXELS = 32 * 32 * 3;
const TALLEST = 300; // of a wall, in pixels
const SHOWN = 4; // of the sources
const COLOURS = ["red", "green", "blue"];

/** How many layers with weights a network has, and how many weights. */
function summary({ layers, tensors }) {
  const count = (op, name) => {
    const number = layers.filter(layer => layer.op === op).length;
    return `${number} ${name}${number === 1 ? "" : "s"}`;
  };
  const learned = Object.entries(tensors).filter(([name]) => !/running_(mean|var)$/.test(name));
  const weights = learned.reduce((sum, [, tensor]) => sum + tensor.values.length, 0);
  const layersWithWeights = [count("convolution", "convolution"), count("linear", "linear layer")];
  return `${layersWithWeights.join(", ")}, ${weights.toLocaleString("en")} parameters`;
}

const sentence = text => text.charAt(0).toUpperCase() + text.slice(1);

/**
 * @param {{model: import("./ui.js").Model, el: HTMLElement, load?: (name: string) => Promise<Uint8Array>}} host
 * @returns {() => void}
 */
export function render({ model, el, load }) {
  const get = load ?? loader(model);
  const view = mount(el, "through_the_network", "Through the network", pictureStyles + styles, () => redraw());
  const { root, say } = view;
  root.classList.add("tn");
  const store = networkStore(get, () => redraw());
  /** @type {import("./network.js").Network | undefined} the one that is on the screen */
  let network;
  /** @type {any[]} */
  let stages = [];
  /** @type {any[]} */
  let walls = [];
  /** @type {any} places of the parts in the strip, measured when its size changes */
  let boxes = null;

  const weightsOf = epoch => `weights/${epoch}`;
  const file = () => weightsOf(model.get("network") === "yours" ? "yours" : model.get("epoch"));
  const state = binding(model, {
    image: () => redraw(), epoch: () => redraw(), network: () => redraw(), chosen: () => detail(),
  });
  const change = values => {
    state.set(values);
    redraw();
  };

  // The picture
  const all = bytesOf(model.get("pictures"));
  const pictures = model.get("names").map((name, k) => ({ name, pixels: all.slice(k * PIXELS, (k + 1) * PIXELS) }));
  const input = pictureInput({
    pictures,
    label: "The picture.",
    changed: pixels => change({ image: new DataView(pixels.slice().buffer) }),
    told: text => {
      problem.textContent = text;
      problem.hidden = !text;
      if (text) say(text);
    },
  });
  input.listen(root);
  const problem = h("p", { role: "alert", hidden: true });

  // The strip
  const head = (name, more) =>
    h("div", { class: "tn-head cw-cap", "aria-hidden": "true" }, h("b", {}, name), h("br"), more);
  const place = h("div", { class: "tn-stages" });
  const classes = h("div", {
    class: "tn-classes", tabindex: 0, role: "application", "aria-roledescription": "list of classes",
    "aria-label": "Probabilities. Arrow keys choose a class.",
  });
  const wires = svg("svg", { class: "tn-wires", "aria-hidden": "true" });
  const strip = h(
    "div", { class: "tn-strip" },
    h("figure", {}, head("Picture", "32×32"), input.node, input.pens),
    place,
    h("figure", { class: "tn-end" }, head("Probabilities", "of the classes"), classes),
    wires,
  );
  /** @type {any} */
  let bars = null;
  for (const event of ["pointermove", "pointerdown"]) {
    classes.addEventListener(event, e => {
      const [row] = cellUnder(classes, e, network?.classes.length ?? 1, 1);
      choose(stages.length - 1, row);
    });
  }
  arrows(classes, down => {
    const [stage, unit] = chosen();
    const last = (network?.classes.length ?? 1) - 1;
    const from = stage === stages.length - 1 ? unit : -1;
    choose(stages.length - 1, Math.max(0, Math.min(last, from + Math.sign(down))));
  });

  // The curve and the map that is looked at
  const epochs = model.get("epochs");
  const accuracy = [0.1, ...model.get("accuracy")]; // before training, ten classes are guessed
  const title = h("p", { class: "tn-title" });
  const pace = chart({
    label: "Validation accuracy by epoch",
    height: 116,
    x: { label: "epoch" },
    y: { label: "Validation accuracy", percent: true },
    marker: { label: "Epoch", moved: epoch => change({ epoch }), anywhere: true },
    say,
  });
  pace.set({
    series: [
      { name: "", colour: "ghost", points: accuracy.map((share, epoch) => [epoch, share]) },
      ...epochs.map(epoch => ({ name: "", colour: "p3", points: [[epoch, accuracy[epoch]]] })),
    ],
    stops: epochs.map(epoch => ({ value: epoch, x: epoch })),
    y: [0, 1],
  });
  const hint = h("p", { class: "cw-cap" }, "Drag along the curve. Weights are kept at the dots.");
  const time = h("div", {}, hint, pace.node);
  const form = h("p", { class: "cw-cap" }); // of the reader's own network, in place of the curve
  const choices = { yours: "Your network", course: "The course’s" };
  const owner = segmented(
    "Network",
    model.get("networks").map(value => ({ value, text: choices[value] })),
    model.get("network"),
    value => change({ network: value }),
  );
  const big = canvas();
  const number = h("div", { class: "tn-number", "aria-hidden": "true" });
  const about = h("div", { class: "cw-cap", "aria-hidden": "true" });
  const cards = Array.from({ length: SHOWN }, () => {
    const [name, amount] = [h("span"), h("span")];
    const [source, weights] = [canvas(), canvas()];
    const node = h("div", { class: "tn-card cw-cap" }, name, source, "×", weights, amount);
    return { name, amount, source, weights, node };
  });
  const one = h(
    "div", { class: "tn-one" }, about,
    h("div", { class: "tn-big" }, big, number),
    h("div", { class: "tn-cards", "aria-hidden": "true" }, cards.map(card => card.node)),
  );
  root.append(
    h("div", { class: "cw-bar tn-bar" }, input.gallery, input.sources),
    problem,
    strip,
    h(
      "div", { class: "tn-low" },
      h("div", {}, model.get("networks").length > 1 ? owner.node : null, title, time, form),
      one,
    ),
    h(
      "p", { class: "tn-foot cw-cap" },
      "Draw on the picture, or drop or paste another. ",
      "Wires: what feeds the chosen map or unit most; dashed ones subtract. ",
      model.get("note"),
    ),
  );

  const chosen = () => {
    const [stage, unit] = model.get("chosen");
    const s = Math.min(stage, stages.length - 1);
    return [s, Math.min(unit, stages[s].count - 1)];
  };
  function choose(stage, unit) {
    if (!network) return;
    const [s, u] = chosen();
    if (s === stage && u === unit) return;
    state.set({ chosen: [stage, unit] });
    detail();
    say(about.textContent);
  }

  /** Walls and bars for a network; networks of the same form share them. */
  function build() {
    stages = stagesOf(network);
    walls = stages.slice(0, -1).map((stage, k) => {
      const maps = stage.kind === "maps";
      const { count, height, width } = stage;
      const columns = Math.max(1, Math.round(Math.sqrt(count * (maps ? 0.5 : 0.3))));
      const content = maps ? `maps of ${height} × ${width}` : "units";
      const name = `${sentence(stage.title)}: ${count} ${content}.`;
      const wall = mapGrid(name, { count, height, width, columns, gap: maps ? 1 : 0, chosen: unit => choose(k, unit) });
      wall.node.classList.toggle("tn-fine", maps && width > 12);
      const words = maps ? [sentence(stage.title), `${count} of ${height}×${width}`] : [`${count}`, "hidden"];
      wall.figure = h("figure", {}, head(...words), wall.node);
      wall.share = wall.canvas.width / wall.canvas.height;
      return wall;
    });
    const wide = walls.reduce((sum, wall) => sum + wall.share, 0);
    place.replaceChildren(...walls.map(wall => wall.figure));
    place.style.gridTemplateColumns = walls.map(wall => `minmax(0, ${wall.share.toFixed(4)}fr)`).join(" ");
    place.style.maxWidth = `calc(${Math.round(wide * TALLEST)}px + ${walls.length} * var(--tn-gap))`;
    bars = probabilityBars(network.classes);
    classes.replaceChildren(bars.node);
    measure();
  }

  const redraw = framed(draw);
  function draw() {
    const { network: ready, kind, problem: failed } = store.of(file(), epochs.map(weightsOf).reverse());
    const image = bytesOf(model.get("image"));
    input.set(image);
    owner.set(model.get("network"));
    pace.set({ marker: model.get("epoch") });
    time.hidden = model.get("network") === "yours";
    form.hidden = !time.hidden;
    if (!ready) {
      const why = failed ? `the weights could not be loaded. ${failed}` : "loading …";
      title.replaceChildren(h("b", {}, `${heading()}: ${why}`));
      return; // the last picture stays
    }
    const before = network && layersOf(network);
    network = ready;
    if (before !== layersOf(network)) build();
    form.textContent = `${kind}: ${summary(network)}`;
    const { probabilities } = network.forward(image);
    walls.forEach((wall, k) => {
      const values = network.map(stages[k].layer);
      wall.draw(values, view.colours(), stages[k].kind === "units" ? largest(values) : undefined);
    });
    bars.set(probabilities);
    const best = probabilities.indexOf(Math.max(...probabilities));
    title.replaceChildren(h("b", {}, heading()), caption());
    detail();
    say(`${heading()}: ${network.classes[best]}, ${percent(probabilities[best])}`);
  }
  const layersOf = net => net.layers.map(layer => `${layer.op}${layer.shape}`).join();
  const heading = () => {
    if (model.get("network") === "yours") return "Your network";
    return model.get("epoch") ? `After epoch ${model.get("epoch")}` : "Before training";
  };
  const caption = () => {
    if (model.get("network") === "yours") return "";
    if (!model.get("epoch")) return ", when the network can only guess";
    return `, validation accuracy ${percent(accuracy[model.get("epoch")], 1)}`;
  };

  /** The map or unit that is looked at, and what feeds it. */
  function detail() {
    if (!network || !stages.length) return;
    const [s, unit] = chosen();
    const stage = stages[s];
    const values = network.map(stage.layer);
    const area = stage.height * stage.width;
    const mine = values.subarray(unit * area, (unit + 1) * area);
    const read = feeds(network, stages, stage, unit);
    const sources = read.sources.slice(0, SHOWN);
    walls.forEach((wall, k) => wall.mark(k === s ? unit : -1));
    bars.node.querySelectorAll(".cw-bars > :nth-child(3n + 1)").forEach((name, k) =>
      name.classList.toggle("tn-chosen", stage.kind === "classes" && k === unit),
    );

    const limit = stage.kind === "maps" ? undefined : largest(values);
    paintSigned(big, mine, stage.height, stage.width, view.colours(), { limit });
    number.textContent = stage.kind === "maps" ? "" : fixed(mine[0]);
    number.style.color = inkOn(at(view.colours(), mine[0] / (limit ?? 1)));
    const of = network.layers[read.layer];
    const [height, width] = [of.shape[1] ?? 1, of.shape[2] ?? 1];
    const all = network.map(read.layer);
    const scale = area => (area > 1 ? undefined : largest(all));
    const channelName = channel => {
      if (of.op === "input") return of.shape[0] === 3 ? COLOURS[channel] : "grey";
      return `${of.shape.length > 1 ? "map" : "unit"} ${channel}`;
    };
    const most = Math.max(...sources.map(source => Math.abs(source.amount)), 1e-9);
    const weightLimit = Math.max(...sources.map(source => largest(source.weights)));
    cards.forEach((card, k) => {
      const source = sources[k];
      card.node.hidden = !source;
      if (!source) return;
      card.name.textContent = channelName(source.channel);
      card.amount.textContent = read.linear ? (source.amount > 0 ? "+" : "") + fixed(source.amount) : "";
      paintSigned(card.source, all, height, width, view.colours(), {
        from: source.channel * height * width, limit: scale(height * width),
      });
      const [rows, columns] = source.shape;
      paintSigned(card.weights, source.weights, rows, columns, view.colours(), { limit: weightLimit });
    });
    about.replaceChildren(h("b", {}, nameOf(stage, unit)), h("br"), told(stage, mine, read, sources.length));
    connect(s, unit, read.from, sources, most);
  }
  const nameOf = (stage, unit) => {
    if (stage.kind === "classes" && network) {
      return `${sentence(network.classes[unit])}, logit ${fixed(network.map(stage.layer)[unit])}`;
    }
    return `${sentence(stage.title)}, ${stage.kind === "maps" ? "map" : "unit"} ${unit}`;
  };
  const told = (stage, mine, read, count) => {
    const all = read.sources.length;
    if (read.linear && all <= count) return "all of its summands: values × weights, added up";
    if (read.linear) return `the ${count} largest of its ${all} summands: values × weights`;
    const zeros = mine.reduce((sum, value) => sum + (value === 0 ? 1 : 0), 0) / mine.length;
    const which = all <= count ? `all ${all} of its kernels` : `the ${count} of its ${all} kernels that count most`;
    return `${percent(zeros)} zeros; below: ${which}`;
  };

  // Wires
  function measure() {
    const whole = strip.getBoundingClientRect();
    if (!whole.width) return;
    const box = node => {
      const { left, top, width, height } = node.getBoundingClientRect();
      return { left: left - whole.left, top: top - whole.top, width, height };
    };
    boxes = { picture: box(input.node), walls: walls.map(wall => box(wall.node)), classes: box(classes) };
  }
  /** The place of a map, unit or class in the strip. */
  function boxOf(s, unit) {
    if (s < 0) return boxes.picture;
    if (s === stages.length - 1) {
      const { left, top, width, height } = boxes.classes;
      const row = height / stages[s].count;
      return { left: left - 2, top: top + unit * row, width, height: row };
    }
    const [wall, part] = [boxes.walls[s], walls[s].boxOf(unit)];
    return {
      left: wall.left + part.left * wall.width, top: wall.top + part.top * wall.height,
      width: part.width * wall.width, height: part.height * wall.height,
    };
  }
  function connect(s, unit, from, sources, most) {
    wires.replaceChildren();
    if (!boxes || from === null) return;
    const to = boxOf(s, unit);
    const y1 = to.top + to.height / 2;
    for (const source of from < 0 ? sources.slice(0, 1) : sources) {
      const a = boxOf(from, source.channel);
      const [x0, y0, x1] = [a.left + a.width, a.top + a.height / 2, to.left];
      if (x0 <= x1) {
        const middle = (x0 + x1) / 2;
        wires.append(svg("path", {
          class: from < 0 ? "" : source.sign < 0 ? "minus" : "plus",
          d: `M${x0} ${y0}C${middle} ${y0} ${middle} ${y1} ${x1} ${y1}`,
          "stroke-width": (1 + (2 * Math.abs(source.amount)) / most).toFixed(1),
        }));
      }
      if (from >= 0) wires.append(svg("rect", { x: a.left, y: a.top, width: a.width, height: a.height }));
    }
  }

  const sizes = new ResizeObserver(() => {
    measure();
    detail();
    input.reveal();
  });
  sizes.observe(strip);
  draw();
  return () => {
    store.close();
    sizes.disconnect();
    input.close();
    pace.close();
    state.close();
    view.close();
  };
}
