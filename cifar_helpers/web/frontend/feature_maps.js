// All maps of a layer, trained and untrained, and the arithmetic of one pixel of one map.
import styles from "./feature_maps.css";
import { h, canvas, framed, binding } from "./ui.js";
import { at, largest, paint, paintSigned } from "./colour.js";
import { fixed, percent, roundedToSum } from "./numbers.js";
import { cellUnder, segmented } from "./controls.js";
import { numberGrid } from "./grid.js";
import { picture } from "./picture.js";
import { mapGrid } from "./maps.js";
import { filmStyles, filmstrip } from "./filmstrip.js";
import { afterLoading } from "./loading.js";
import { termStyles, termLine } from "./terms.js";
import { Network, decode, normalisation, pools } from "./network.js";
import { feeds } from "./stages.js";
import { windowOf } from "./fields.js";

const SIDE = 32;
const NAMES = ["trained", "untrained"];
const COLOURS = ["red", "green", "blue"];
const SHORT = { convolution: "conv", "batch norm": "norm", pooling: "pool", "average pooling": "average" };
const SLOTS = 4;
/** Larger windows have cells too small for numbers. */
const LARGEST_WITH_NUMBERS = 3;
const NOTES = {
  batch_norm: "Each map has its own scale and shift.",
  relu: "What is below zero becomes zero.",
  gelu: "A ReLU with a soft bend.",
  max_pool: "The largest of each window stays.",
  average_pool: "Each window becomes its mean.",
  adaptive_average_pool: "Each window becomes its mean.",
  add: "The shortcut is added.",
  multiply: "Everything is multiplied by one number.",
};

/**
 * Shows the widget.
 * @param {{model: import("./ui.js").Model, el: HTMLElement, load?: (name: string) => Promise<Uint8Array>}} host
 * @returns {() => void} takes it away
 */
export function render(host) {
  return afterLoading(host, {
    name: "feature_maps", label: "Feature maps", styles: filmStyles + termStyles + styles, show,
    files: [...NAMES, "pictures", "labels"],
  });
}

function show(model, { root, colours, say }, [trained, untrained, pictures, labels]) {
  const networks = { trained: new Network(decode(trained)), untrained: new Network(decode(untrained)) };
  const { layers } = networks.trained;
  const bytes = SIDE * SIDE * 3;
  const classes = model.get("classes");
  const nameOf = k => (classes.length ? `${classes[labels[k]]}, picture ${k}` : `picture ${k}`);
  const pixelsOf = k => pictures.subarray(k * bytes, (k + 1) * bytes);
  /** What the mouse is over: a map of a wall, or a pixel of the enlarged map. */
  let hover = {};
  let slot = 0;
  let walls = {};
  let stale = { pictures: true, walls: true };

  const layerOf = name => layers.find(layer => layer.label === name);
  const redraw = framed(draw);
  const state = binding(model, {
    layer: () => refresh({ walls: true }),
    network: redraw,
    channel: redraw,
    pixel: redraw,
    picture: () => refresh({ pictures: true }),
  });

  function refresh(what) {
    Object.assign(stale, what);
    redraw();
  }

  // Above: pictures and layers.
  const film = filmstrip({
    count: pictures.length / bytes, side: SIDE, pixels: pixelsOf, name: nameOf,
    chosen: k => {
      state.set({ picture: k });
      refresh({ pictures: true });
    },
  });
  const pictureName = h("span", { class: "cw-cap" });
  const thumbs = model.get("layers").map(() => canvas());
  const strip = segmented("Layer", model.get("layers").map(layerOption), model.get("layer"), name => {
    // The place in the picture stays, though the map may be smaller.
    const [before, after] = [layerOf(model.get("layer")).shape, layerOf(name).shape];
    const pixel = model.get("pixel").map((at, k) => Math.floor((at * after[k + 1]) / before[k + 1]));
    state.set({ layer: name, channel: Math.min(model.get("channel"), after[0] - 1), pixel });
    refresh({ walls: true });
  });

  function layerOption(name, k, all) {
    const [group, part] = parts(name);
    const first = k === 0 || parts(all[k - 1])[0] !== group;
    return {
      value: name,
      name,
      text: h("span", {}, h("i", {}, first ? group : "\u00a0"), thumbs[k], h("span", {}, SHORT[part] ?? part)),
    };
  }

  // Left: a wall for each network.
  const wallPlaces = NAMES.map(name => h("div", { class: "fm-wall" }, h("div")));
  const wallNotes = NAMES.map(() => h("span", { class: "cw-cap" }));
  wallPlaces.forEach((place, k) =>
    place.prepend(h("div", { class: "cw-head" }, h("b", {}, k ? "Untrained" : "Trained"), wallNotes[k])),
  );

  // Right: the input map, the kernels, the map that they make, and the arithmetic.
  const inputHead = h("b");
  const input = picture("The input map, with the window that the pixel is computed from", { rows: 1, columns: 1 });
  const output = picture("The enlarged map. Arrow keys choose a pixel.", {
    rows: 1, columns: 1,
    moved: (row, column) => {
      hover = {};
      state.set({ pixel: [row, column] });
      redraw();
    },
  });
  const outputHead = h("b");
  const slotFaces = Array.from({ length: SLOTS }, () => ({ face: canvas(), text: h("span") }));
  const slots = segmented(
    "Input map",
    slotFaces.map(({ face, text }, k) => ({ value: k, text: h("span", {}, face, text) })),
    0,
    k => {
      slot = k;
      redraw();
    },
  );
  const slotsHead = h("span", { class: "cw-cap" });
  const slotsPlace = h("div", { class: "fm-slots" }, h("div", { class: "cw-head" }, slotsHead), slots.node);
  const note = h("p", { class: "fm-note" });
  const sum = h("div", { class: "fm-sum", "aria-hidden": "true" });
  const terms = termLine();
  const zeros = h("span");
  let grids = { key: "", nodes: [] };

  output.node.addEventListener("pointermove", event => {
    if (event.buttons || event.pointerType !== "mouse") return;
    const [, rows, columns] = layerOf(model.get("layer")).shape;
    hover = { pixel: cellUnder(output.node, event, rows, columns) };
    redraw();
  });
  output.node.addEventListener("pointerleave", () => {
    hover = {};
    redraw();
  });

  const flow = h(
    "div",
    { class: "fm-flow" },
    h("div", {}, h("div", { class: "cw-head" }, inputHead), input.node),
    slotsPlace,
    h("div", {}, h("div", { class: "cw-head" }, outputHead), output.node),
  );
  root.append(
    h("div", { class: "cw-bar" }, film.node, pictureName),
    h("div", { class: "fm-layers" }, strip.node),
    h(
      "div",
      { class: "fm-main" },
      h("div", { class: "fm-walls" }, wallPlaces),
      h(
        "div",
        { class: "fm-detail" },
        flow,
        note,
        h("div", { class: "fm-work" }, sum, terms.node),
      ),
    ),
    h(
      "div",
      { class: "cw-foot" },
      h("span", {}, "Each map has its own scale: purple is below zero, orange above."),
      zeros,
    ),
  );

  function draw() {
    if (stale.pictures) lookAt(model.get("picture"));
    if (stale.walls) buildWalls();
    if (stale.pictures || stale.walls) drawWalls();
    stale = {};
    drawDetail();
  }

  function lookAt(k) {
    for (const name of NAMES) networks[name].forward(pixelsOf(k));
    film.set(k);
    pictureName.textContent = nameOf(k);
    model.get("layers").forEach((name, n) => {
      const layer = layerOf(name);
      paintThumb(thumbs[n], networks.trained.map(layer.index), layer.shape, colours());
    });
  }

  function buildWalls() {
    const name = model.get("layer");
    const [count, height, width] = layerOf(name).shape;
    strip.set(name);
    walls = {};
    NAMES.forEach((network, k) => {
      const wall = mapGrid(`Maps of ${name}, ${network}.`, {
        count, height, width, columns: columnsOf(count), gap: Math.max(1, Math.round(width / 16)),
        hovered: channel => {
          hover = channel === null ? {} : { network, channel };
          redraw();
        },
        chosen: channel => {
          hover = {};
          state.set({ network, channel });
          redraw();
        },
      });
      walls[network] = wall;
      wallPlaces[k].lastChild.replaceWith(wall.node);
      wallNotes[k].textContent = k ? "random weights" : `${count} maps of ${height} × ${width}`;
    });
    const shape = layerOf(name).shape;
    output.resize(shape[1], shape[2]);
  }

  function drawWalls() {
    const layer = layerOf(model.get("layer"));
    for (const name of NAMES) walls[name].draw(networks[name].map(layer.index), colours());
    const [trained, untrained] = NAMES.map(name => percent(shareOfZeros(networks[name].map(layer.index))));
    zeros.textContent = `Zeros: trained ${trained}, untrained ${untrained}`;
  }

  function drawDetail() {
    const name = hover.network ?? model.get("network");
    const network = networks[name];
    const layer = layerOf(model.get("layer"));
    const [count, height, width] = layer.shape;
    const channel = Math.min(hover.channel ?? model.get("channel"), count - 1);
    const [row, column] = (hover.pixel ?? model.get("pixel")).map((at, k) => Math.min(at, layer.shape[k + 1] - 1));
    for (const one of NAMES) walls[one].mark(one === name ? channel : -1);

    const from = channel * height * width;
    paintSigned(output.canvas, network.map(layer.index), height, width, colours(), { from });
    output.place(row, column);
    output.mark(row, column, 1, 1);
    outputHead.textContent = `${name === "trained" ? "Map" : "Untrained map"} ${channel}`;

    const read = layers[layer.inputs[0]];
    const sources = layer.op === "convolution" ? feeds(network, [], { layer: layer.index }, channel).sources : [];
    const source = sources[Math.min(slot, sources.length - 1)];
    const inputChannel = source ? source.channel : channel;
    drawInput(network, layer, read, inputChannel, row, column);
    drawSlots(layer, read, sources);
    const done = arithmetic(network, layer, channel, row, column, source, mapName(read, inputChannel));
    drawArithmetic(done);
    const where = `row ${row}, column ${column}`;
    say(`${layer.label}, ${name}, map ${channel}, ${where}: ${done.terms.at(-1)[2]}`);
  }

  function drawInput(network, layer, read, channel, row, column) {
    const [, height, width] = read.shape;
    const margin = Math.max(...(layer.settings.padding ?? [0]));
    input.resize(height + 2 * margin, width + 2 * margin);
    input.rim(margin);
    paintSigned(input.canvas, network.map(read.index), height, width, colours(), { from: channel * height * width });
    const [top, left, bottom, right] = windowOf(layer, read.shape, row, column);
    input.mark(top + margin, left + margin, bottom - top, right - left);
    inputHead.textContent = `${read.op === "input" ? "Input:" : "Input map"} ${mapName(read, channel)}`;
  }

  function drawSlots(layer, read, sources) {
    const plain = sources.length === 0;
    flow.classList.toggle("fm-plain", plain);
    slotsPlace.hidden = plain;
    note.hidden = !plain;
    note.textContent = NOTES[layer.op] ?? "";
    if (plain) return;
    const shown = Math.min(SLOTS, sources.length);
    slotsHead.textContent = `${shown} of ${sources.length} kernels`;
    slots.set(Math.min(slot, shown - 1));
    const scale = Math.max(...sources.slice(0, shown).map(source => largest(source.weights)));
    slotFaces.forEach(({ face, text }, k) => {
      slots.buttons[k].hidden = k >= shown;
      if (k >= shown) return;
      const { weights, shape, channel } = sources[k];
      paintSigned(face, weights, shape[0], shape[1], colours(), { limit: scale });
      text.textContent = mapName(read, channel);
      slots.buttons[k].setAttribute("aria-label", `kernel for input map ${mapName(read, channel)}`);
    });
  }

  /** Grids of numbers are made again only where their size changes. */
  function drawArithmetic(done) {
    const key = done.grids.map(grid => [grid.rows, grid.columns, grid.sign].join()).join(";");
    if (grids.key !== key) {
      grids = { key, nodes: done.grids.map(({ rows, columns }) => numberGrid(rows, columns, "")) };
      sum.replaceChildren(
        ...done.grids.flatMap((grid, k) => [
          ...(grid.sign ? [h("span", { class: "fm-sign", style: `grid-column:${2 * k}` }, grid.sign)] : []),
          h("span", { class: "cw-cap", style: `grid-column:${2 * k + 1}` }),
          grids.nodes[k].node,
        ]),
      );
      grids.nodes.forEach(({ node }, k) => {
        node.setAttribute("aria-hidden", "true");
        node.style.gridColumn = 2 * k + 1;
      });
    }
    done.grids.forEach((grid, k) => {
      const scale = largest(grid.values);
      const text = grid.rows > LARGEST_WITH_NUMBERS ? () => "" : value => fixed(value, done.digits);
      grids.nodes[k].set(grid.values, value => at(colours(), value / scale), text);
      grids.nodes[k].node.previousSibling.textContent = grid.caption;
    });
    terms.set(done.terms);
  }

  draw();
  return { recolour: () => refresh({ pictures: true, walls: true }), close: () => state.close() };
}

/** "block 1, ReLU" as group and part; a layer without a group is its own. */
function parts(name) {
  const [group, ...rest] = name.split(", ");
  const heading = group[0].toUpperCase() + group.slice(1);
  return rest.length ? [heading, rest.join(", ")] : ["", group];
}

/** @param {any} layer whose maps are read */
function mapName(layer, channel) {
  return layer.op === "input" && layer.shape[0] === 3 ? COLOURS[channel] : String(channel);
}

/** Columns that make a wall about twice as wide as high. */
function columnsOf(count) {
  const columns = Math.ceil(Math.sqrt(count * 2));
  return count < 24 ? columns : Math.ceil(columns / 4) * 4; // the usual numbers of channels then fill whole rows
}

/** The first nine maps of a layer, small. */
function paintThumb(surface, values, [count, height, width], table) {
  const [side, step] = [18, 19];
  const columns = Math.min(3, count);
  const size = columns * step - 1;
  const scales = Array.from({ length: Math.min(count, columns ** 2) }, (_, k) =>
    largest(values, k * height * width, height * width),
  );
  paint(surface, size, size, i => {
    const [y, x] = [Math.floor(i / size), i % size];
    const map = Math.floor(y / step) * columns + Math.floor(x / step);
    if (y % step === side || x % step === side || map >= scales.length) return at(table, 0);
    const row = Math.floor(((y % step) * height) / side);
    const column = Math.floor(((x % step) * width) / side);
    return at(table, values[(map * height + row) * width + column] / scales[map]);
  });
}

/**
 * How a layer computes one number, with digits that add up.
 * @returns {{digits: number, grids: {caption: string, rows: number, columns: number, values: ArrayLike<number>, sign?:
 *     string}[], terms: string[][]}} grids of numbers with the sign before each; and the sum: sign, caption, number
 */
function arithmetic(network, layer, channel, row, column, source, sourceName) {
  const [, height, width] = layer.shape;
  const value = network.map(layer.index)[(channel * height + row) * width + column];
  const read = layer.inputs.map(index => network.map(index));
  const [, inHeight, inWidth] = network.layers[layer.inputs[0]].shape;
  const here = (channel * inHeight + row) * inWidth + column;
  const size = Math.max(Math.abs(value), Math.abs(read[0][here]) || 0, ...(source ? source.weights.map(Math.abs) : []));
  const digits = size < 0.1 ? 3 : 2;
  const show = number => fixed(number, digits);
  const end = number => ["=", "this pixel", show(number)];

  if (layer.op === "convolution") {
    const { stride, padding, dilation } = layer.settings;
    const [rows, columns] = source.shape;
    const seen = Array.from(source.weights, (_, k) => {
      const y = row * stride[0] - padding[0] + Math.floor(k / columns) * dilation[0];
      const x = column * stride[1] - padding[1] + (k % columns) * dilation[1];
      const inside = y >= 0 && y < inHeight && x >= 0 && x < inWidth;
      return inside ? read[0][(source.channel * inHeight + y) * inWidth + x] : 0;
    });
    const products = seen.map((number, k) => number * source.weights[k]);
    const bias = network.bias(layer.index, channel);
    const others = value - bias - products.reduce((a, b) => a + b, 0);
    const { parts: rounded, sum } = roundedToSum([...products, others, bias], digits);
    const shown = rounded.slice(0, products.length);
    const count = network.tensors[layer.tensors.weight].shape[1] - 1;
    const terms = [["", `${products.length} products`, show(shown.reduce((a, b) => a + b, 0))]];
    if (count) terms.push(["+", `${count} other maps`, show(rounded.at(-2))]);
    if (layer.tensors.bias) terms.push(["+", "bias", show(rounded.at(-1))]);
    const grid = (caption, values, sign) => ({ caption, rows, columns, values, sign });
    return {
      digits,
      grids: [
        grid(`window of ${sourceName}`, seen), grid("kernel", source.weights, "×"), grid("products", shown, "="),
      ],
      terms: [...terms, end(sum)],
    };
  }
  if (layer.op === "batch_norm") {
    const { factor, summand } = normalisation(layer, network.tensors);
    const { parts: [product, shift], sum } = roundedToSum([read[0][here] * factor[channel], summand[channel]], digits);
    return {
      digits,
      grids: [],
      terms: [
        ["", "input", show(read[0][here])], ["×", "scale", show(factor[channel])],
        ["=", "product", show(product)], ["+", "shift", show(shift)], end(sum),
      ],
    };
  }
  if (layer.op.includes("pool")) {
    const shape = network.layers[layer.inputs[0]].shape;
    const [top, left, bottom, right] = windowOf(layer, shape, row, column);
    const { places } = pools(layer, shape);
    const values = Array.from(places[row * width + column], k => read[0][channel * inHeight * inWidth + k]);
    const how = layer.op === "max_pool" ? "largest" : "mean";
    const whole = values.length === (bottom - top) * (right - left);
    const [rows, columns] = whole ? [bottom - top, right - left] : [1, values.length];
    const grids = rows > LARGEST_WITH_NUMBERS || columns > 6 ? [] : [{ caption: "window", rows, columns, values }];
    return { digits, grids, terms: [["", `${how} of ${values.length}`, show(value)]] };
  }
  if (layer.op === "add") {
    const { parts: [one, other], sum } = roundedToSum([read[0][here], read[1][here]], digits);
    return { digits, grids: [], terms: [["", "one input", show(one)], ["+", "the other", show(other)], end(sum)] };
  }
  const what = { relu: "the larger of 0 and", gelu: "GELU of", multiply: `${layer.settings.factor} times` }[layer.op];
  return { digits, grids: [], terms: [["", what, show(read[0][here])], end(value)] };
}

/** @param {Float64Array} values */
function shareOfZeros(values) {
  return values.reduce((zeros, value) => zeros + (value === 0 ? 1 : 0), 0) / values.length;
}
