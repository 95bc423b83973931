// What a unit of a layer is computed from, layer by layer back to the picture.

/**
 * The window of the input from which a layer computes one place of its output.
 * @param {import("./network.js").Layer} layer
 * @param {number[]} shape of its input
 * @param {number} row
 * @param {number} column
 * @returns {number[]} first row and column, and those after the last; beyond the edge where there is padding
 */
export function windowOf(layer, [, height, width], row, column) {
  const { kernel, stride, padding, dilation = [1, 1] } = layer.settings;
  if (kernel) {
    const [top, left] = [row * stride[0] - padding[0], column * stride[1] - padding[1]];
    return [top, left, top + (kernel[0] - 1) * dilation[0] + 1, left + (kernel[1] - 1) * dilation[1] + 1];
  }
  if (layer.op !== "adaptive_average_pool") return [row, column, row + 1, column + 1];
  const [, rows = 1, columns = 1] = layer.shape;
  return [
    Math.floor((row * height) / rows), Math.floor((column * width) / columns),
    Math.ceil(((row + 1) * height) / rows), Math.ceil(((column + 1) * width) / columns),
  ];
}

/**
 * The receptive field of a unit in every layer before it (Araujo, Norris and Sim, 2019).
 * @param {import("./network.js").Layer[]} layers
 * @param {number} index of the unit's layer
 * @param {number} row
 * @param {number} column
 * @returns {number[][]} by layer, as `windowOf` gives them; the first is the picture; holes where nothing is read
 */
export function fieldsOf(layers, index, row, column) {
  const fields = [];
  fields[index] = [row, column, row + 1, column + 1];
  for (let at = index; at > 0; at--) {
    if (!fields[at]) continue;
    const [top, left, bottom, right] = fields[at];
    for (const input of layers[at].inputs) {
      const { shape } = layers[input];
      const first = windowOf(layers[at], shape, top, left);
      const last = windowOf(layers[at], shape, bottom - 1, right - 1);
      const known = fields[input] ?? [Infinity, Infinity, -Infinity, -Infinity];
      fields[input] = [
        Math.min(known[0], first[0]), Math.min(known[1], first[1]),
        Math.max(known[2], last[2]), Math.max(known[3], last[3]),
      ];
    }
  }
  return fields;
}

/**
 * How large the field of a layer's units is in the picture, and how far the fields of neighbours lie apart.
 * @param {import("./network.js").Layer[]} layers
 * @param {number} index
 * @returns {{height: number, width: number, jump: number}} `jump` along the rows, 0 where there is only one
 */
export function sizeOf(layers, index) {
  const [, rows = 1, columns = 1] = layers[index].shape;
  const [row, column] = [Math.floor((rows - 1) / 2), Math.floor((columns - 1) / 2)];
  const [top, left, bottom, right] = fieldsOf(layers, index, row, column)[0];
  const jump = rows > 1 ? fieldsOf(layers, index, row + 1, column)[0][0] - top : 0;
  return { height: bottom - top, width: right - left, jump };
}
