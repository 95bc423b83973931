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
 * @typedef {object} Source
 * @property {number} channel of the layer that is read
 * @property {number} amount how much comes from it; for linear layers exactly, with its sign
 * @property {number} sign of the weights (convolution) or of the amount (linear)
 * @property {ArrayLike<number>} weights those on this channel, (rows, columns)
 * @property {number[]} shape of `weights`
 */

/**
 * What a unit or a map reads, in the last forward pass, the strongest first. A convolution's channels are ranked by
 * the size of the kernel times the mean size of what it reads; a linear layer's by weights times values.
 * @param {import("./network.js").Network} network
 * @param {Stage[]} stages
 * @param {Stage} stage
 * @param {number} unit
 * @returns {{sources: Source[], layer: number, linear: boolean, from: number | null}} the layer that is read; and the
 *     stage that shows the same channels, −1 for the picture, null where they are not shown
 */
export function feeds(network, stages, stage, unit) {
  const { layers } = network;
  let reader = layers[stage.layer];
  // Of the two sides of a sum, the one that was computed last is the one that was changed.
  while (!["convolution", "linear"].includes(reader.op)) reader = layers[Math.max(...reader.inputs)];
  let read = layers[reader.inputs[0]];
  while (read.op === "reshape") read = layers[read.inputs[0]];
  const values = network.map(read.index);
  const linear = reader.op === "linear";
  const [channels, height = 1, width = 1] = read.shape;
  const area = height * width;
  const { shape, values: all } = network.tensors[reader.tensors.weight];
  const inside = linear ? channels : shape[1];
  const first = linear ? 0 : Math.floor(unit / (shape[0] / reader.settings.groups)) * inside;
  const each = linear ? area : shape[2] * shape[3];
  const sources = Array.from({ length: inside }, (_, k) => {
    const weights = all.subarray((unit * inside + k) * each, (unit * inside + k + 1) * each);
    const channel = first + k;
    let amount = 0;
    let sum = 0;
    let size = 0;
    for (const weight of weights) {
      sum += weight;
      size += Math.abs(weight);
    }
    for (let i = 0; i < area; i++) {
      const value = values[channel * area + i];
      amount += linear ? value * weights[i] : (Math.abs(value) * size) / area;
    }
    const sign = Math.sign(linear ? amount : sum);
    return { channel, amount, sign, weights, shape: linear ? [height, width] : shape.slice(2) };
  });
  sources.sort((a, b) => Math.abs(b.amount) - Math.abs(a.amount));
  return { sources, layer: read.index, linear, from: shownAs(layers, stages, read) };
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
