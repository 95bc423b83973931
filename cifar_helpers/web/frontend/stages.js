// What of a network is shown, and what feeds what: layers of maps, hidden layers and classes, for any network.

const MOST_BLOCKS = 5;
const MOST_HIDDEN = 2;
/** Operations that keep channels apart: each channel of the output comes from the same one of the input. */
const BY_CHANNEL = ["batch_norm", "relu", "gelu", "max_pool", "average_pool", "adaptive_average_pool", "multiply"];

/**
 * A part of the network that is shown.
 * @typedef {object} Stage
 * @property {"maps"|"units"|"classes"} kind
 * @property {number} layer index of the layer whose output is shown
 * @property {string} title "block 1"
 * @property {number} count maps or units
 * @property {number} height of a map, 1 for a unit
 * @property {number} width
 */

/** First, last, and others evenly between them. */
function spread(list, most) {
  if (list.length <= most) return list;
  return Array.from({ length: most }, (_, k) => list[Math.round(k * (list.length - 1) / (most - 1))]);
}

/**
 * The last maps of each size, unless they are only the ones before, pooled; then hidden layers; then the classes.
 * @param {import("./network.js").Network} network
 * @returns {Stage[]}
 */
export function stagesOf(network) {
  const { layers } = network;
  const size = layer => layer.shape.slice(1).join("×");
  const maps = layers.filter(layer => layer.shape.length === 3 && layer.op !== "input");
  const last = maps.filter((layer, k) => !maps[k + 1] || size(maps[k + 1]) !== size(layer));
  const convolutions = maps.filter(layer => layer.op === "convolution").map(layer => layer.index);
  const blocks = last.filter((layer, k) =>
    convolutions.some(index => index <= layer.index && index > (last[k - 1]?.index ?? 0)),
  );
  const linear = layers.filter(layer => layer.op === "linear").slice(0, -1);
  const hidden = linear.map(one => {
    const next = layers.findIndex(layer => layer.op === "linear" && layer.index > one.index);
    return layers[next - 1];
  });
  const stage = (kind, title) => (layer, k) => ({
    kind, layer: layer.index, title: `${title} ${k + 1}`,
    count: layer.shape[0], height: layer.shape[1] ?? 1, width: layer.shape[2] ?? 1,
  });
  const end = layers[layers.length - 1];
  return [
    ...spread(blocks.map(stage("maps", "block")), MOST_BLOCKS),
    ...spread(hidden.map(stage("units", "hidden layer")), MOST_HIDDEN),
    { ...stage("classes", "")(end, 0), title: "probabilities" },
  ];
}

/**
 * The weights with which a unit or a map reads each channel of a layer.
 * @param {import("./network.js").Network} network
 * @param {import("./network.js").Layer} layer a convolution or a linear layer
 * @param {number} unit of its output
 * @returns {{channel: number, weights: ArrayLike<number>, rows: number, columns: number}[]}
 */
export function weightsOf(network, layer, unit) {
  const { shape, values } = network.tensors[layer.tensors.weight];
  const isLinear = layer.op === "linear";
  const [channels, height = 1, width = 1] = readBy(network.layers, layer).shape;
  const [inside, rows, columns] = isLinear ? [channels, height, width] : shape.slice(1);
  const first = isLinear ? 0 : Math.floor(unit / (shape[0] / layer.settings.groups)) * inside;
  const size = rows * columns;
  return Array.from({ length: inside }, (_, k) => {
    const from = (unit * inside + k) * size;
    return { channel: first + k, weights: values.subarray(from, from + size), rows, columns };
  });
}

/** The layer that is read, whatever its numbers were arranged to. */
function readBy(layers, layer) {
  let read = layers[layer.inputs[0]];
  while (read.op === "reshape") read = layers[read.inputs[0]];
  return read;
}

/**
 * What a convolution reads of one channel for one place; zeros beyond the edge.
 * @param {import("./network.js").Network} network
 * @param {import("./network.js").Layer} layer
 * @param {{channel: number, rows: number, columns: number}} source of `weightsOf`
 * @param {number} row
 * @param {number} column
 * @returns {Float64Array}
 */
export function seenBy(network, { inputs, settings }, { channel, rows, columns }, row, column) {
  const { stride, padding, dilation } = settings;
  const [, height, width] = network.layers[inputs[0]].shape;
  const values = network.map(inputs[0]);
  const seen = new Float64Array(rows * columns);
  for (let k = 0; k < seen.length; k++) {
    const y = row * stride[0] - padding[0] + Math.floor(k / columns) * dilation[0];
    const x = column * stride[1] - padding[1] + (k % columns) * dilation[1];
    if (y >= 0 && y < height && x >= 0 && x < width) seen[k] = values[(channel * height + y) * width + x];
  }
  return seen;
}

/**
 * The sum of the products.
 * @param {ArrayLike<number>} a
 * @param {ArrayLike<number>} b
 */
export function dot(a, b) {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k] * b[k];
  return sum;
}

/** From this share of its size on, a sum of contributions is said to add or to subtract. */
const CLEAR = 0.3;

/**
 * What a unit or a map reads, in the last forward pass, the strongest first.
 * @param {import("./network.js").Network} network
 * @param {Stage[]} stages
 * @param {Stage} stage
 * @param {number} unit
 * @returns {{sources: {channel: number, weights: ArrayLike<number>, rows: number, columns: number, added: Float64Array,
 *     amount: number, sign: number}[], reader: any, read: any, from: number | null}} each source with what it adds,
 *     place by place, the mean size of that (of one number: itself), and its sign, 0 where both occur; the layers that
 *     read and are read; and the stage that shows the channels, −1 for the picture, null where none does
 */
export function feeds(network, stages, stage, unit) {
  const { layers } = network;
  let reader = layers[stage.layer];
  // Of the two sides of a sum, the one that was computed last is the one that was changed.
  while (!["convolution", "linear"].includes(reader.op)) reader = layers[Math.max(...reader.inputs)];
  const read = readBy(layers, reader);
  return { sources: contributions(network, reader, unit), reader, read, from: shownAs(layers, stages, read) };
}

/**
 * What each channel that is read adds to a unit or a map, the strongest first; see `feeds`.
 * @param {import("./network.js").Network} network
 * @param {import("./network.js").Layer} reader a convolution or a linear layer
 * @param {number} unit
 * @returns {any[]}
 */
export function contributions(network, reader, unit) {
  const sources = weightsOf(network, reader, unit).map(source => {
    const added = addedBy(network, reader, source);
    let [sum, size] = [0, 0];
    for (const value of added) {
      sum += value;
      size += Math.abs(value);
    }
    const sign = Math.abs(sum) < CLEAR * size ? 0 : Math.sign(sum);
    return { ...source, added, sign, amount: added.length > 1 ? size / added.length : sum };
  });
  return sources.sort((a, b) => Math.abs(b.amount) - Math.abs(a.amount));
}

/** One weight after the other over all places: a window for each place would take ten times as long. */
function addedBy(network, { op, inputs, settings, shape }, { channel, weights, columns }) {
  const values = network.map(inputs[0]);
  if (op === "linear") {
    const from = channel * weights.length;
    return [dot(values.subarray(from, from + weights.length), weights)];
  }
  const { stride, padding, dilation } = settings;
  const [[, height, width], [, tall, wide]] = [shape, network.layers[inputs[0]].shape];
  const added = new Float64Array(height * width);
  for (let k = 0; k < weights.length; k++) {
    const top = Math.floor(k / columns) * dilation[0] - padding[0];
    const left = (k % columns) * dilation[1] - padding[1];
    for (let row = 0; row < height; row++) {
      const y = row * stride[0] + top;
      if (y < 0 || y >= tall) continue;
      const from = (channel * tall + y) * wide;
      for (let column = 0, x = left; column < width; column++, x += stride[1]) {
        if (x >= 0 && x < wide) added[row * width + column] += weights[k] * values[from + x];
      }
    }
  }
  return added;
}

/** The stage whose channels a layer has, −1 for the picture; null where none has. */
function shownAs(layers, stages, layer) {
  for (let at = layer; ; at = layers[at.inputs[0]]) {
    if (at.op === "input") return -1;
    const found = stages.findIndex(stage => stage.layer === at.index);
    if (found >= 0) return found;
    if (!BY_CHANNEL.includes(at.op)) return null;
  }
}
