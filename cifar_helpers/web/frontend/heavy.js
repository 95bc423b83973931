// What takes a network many forward passes, or one backward: where it looked, and what its units respond to. It runs in
// a Worker where the host allows one.

import { Network, decode, gelu, normalisation, pools } from "./network.js";

/**
 * How much a class loses when a square of the picture is covered with the mean colour (Zeiler and Fergus, 2014). Each
 * pixel has the mean over the squares that cover it; above zero it speaks for the class.
 * @param {Network} network
 * @param {Uint8Array} pixels (height, width, 3)
 * @param {{size: number, stride: number, target: number}} options side of the square, its step, number of the class
 * @returns {{logit: Float64Array, probability: Float64Array}} (height, width)
 */
export function occlusion(network, pixels, { size, stride, target }) {
  const whole = network.forward(pixels);
  const planes = network.input.slice();
  const [channels, height, width] = network.layers[0].shape;
  const logit = new Float64Array(height * width);
  const probability = new Float64Array(height * width);
  const covers = new Float64Array(height * width);
  const starts = side => Array.from({ length: Math.ceil((side - size) / stride) + 1 }, (_, k) => k * stride);
  for (const top of starts(height)) {
    for (const left of starts(width)) {
      const covered = planes.slice();
      const square = [];
      for (let y = top; y < Math.min(top + size, height); y++) {
        for (let x = left; x < Math.min(left + size, width); x++) square.push(y * width + x);
      }
      for (let c = 0; c < channels; c++) {
        for (const place of square) covered[c * height * width + place] = 0;
      }
      const without = network.forwardPlanes(covered);
      for (const place of square) {
        logit[place] += whole.logits[target] - without.logits[target];
        probability[place] += whole.probabilities[target] - without.probabilities[target];
        covers[place] += 1;
      }
    }
  }
  for (let i = 0; i < covers.length; i++) {
    logit[i] /= covers[i] || 1;
    probability[i] /= covers[i] || 1;
  }
  return { logit, probability };
}

/**
 * The layer whose maps Grad-CAM weighs by custom: the last convolution, with its norm and activation. Before these, all
 * maps may be below zero, and every place would speak against the class.
 * @param {Network} network
 * @returns {number} its index; -1 in a network without convolutions
 */
export function lastMaps(network) {
  let index = network.layers.findLastIndex(layer => layer.op === "convolution");
  if (index < 0) return index;
  while (["batch_norm", "relu", "gelu"].includes(network.layers[index + 1]?.op)) index += 1;
  return index;
}

/**
 * Where the maps of a layer speak for a class (Selvaraju and others, 2017): their sum, each weighted with the mean
 * slope of the class's logit. Below zero they speak against it.
 * @param {Network} network
 * @param {Uint8Array} pixels (height, width, 3)
 * @param {number} layerIndex of a layer with maps
 * @param {number} target number of the class
 * @returns {{map: Float64Array, cells: Float64Array, shape: number[]}} the sum enlarged to the picture, and as it is
 *     with its height and width
 */
export function gradCam(network, pixels, layerIndex, target) {
  const { shape, label } = network.layers[layerIndex];
  if (shape.length !== 3) throw new Error(`Grad-CAM needs a layer with maps; "${label}" has ${shape[0]} numbers.`);
  network.forward(pixels);
  const slopes = backward(network, layerIndex, target);
  const maps = network.map(layerIndex);
  const [channels, height, width] = shape;
  const size = height * width;
  const cells = new Float64Array(size);
  for (let c = 0; c < channels; c++) {
    let weight = 0;
    for (let i = 0; i < size; i++) weight += slopes[c * size + i] / size;
    for (let i = 0; i < size; i++) cells[i] += weight * maps[c * size + i];
  }
  const [, pictureHeight, pictureWidth] = network.layers[0].shape;
  return { map: enlarge(cells, height, width, pictureHeight, pictureWidth), cells, shape: [height, width] };
}

// Bilinear; cells are squares whose values are in their centres.
function enlarge(cells, height, width, newHeight, newWidth) {
  const between = (place, old, count) => {
    const at = Math.max(0, (place + 0.5) * old / count - 0.5);
    const low = Math.floor(at);
    return [low, Math.min(low + 1, old - 1), at - low];
  };
  const map = new Float64Array(newHeight * newWidth);
  for (let y = 0; y < newHeight; y++) {
    const [top, bottom, down] = between(y, height, newHeight);
    for (let x = 0; x < newWidth; x++) {
      const [left, right, across] = between(x, width, newWidth);
      const row = start => cells[start * width + left] * (1 - across) + cells[start * width + right] * across;
      map[y * newWidth + x] = row(top) * (1 - down) + row(bottom) * down;
    }
  }
  return map;
}

// The slope of a class's logit by each number of a layer's output, after a forward pass.
function backward(network, layerIndex, target) {
  const slopes = network.layers.map(() => null);
  const last = network.layers.length - 1;
  slopes[last] = new Float64Array(network.map(last).length);
  slopes[last][target] = 1;
  for (let index = last; index > layerIndex; index--) {
    const layer = network.layers[index];
    for (const input of layer.inputs) {
      if (input < layerIndex || !slopes[index]) continue;
      slopes[input] ??= new Float64Array(network.map(input).length);
      BACKWARD[layer.op](network, layer, slopes[index], slopes[input]);
    }
  }
  return slopes[layerIndex];
}

// Each adds to `into`, the slopes by the layer's input, what `slopes`, those by its output, bring about.
const BACKWARD = {
  convolution(network, layer, slopes, into) {
    const { stride, padding, dilation, groups } = layer.settings;
    const { shape: [outputs, channels, rows, cols], values } = network.tensors[layer.tensors.weight];
    const [, height, width] = network.layers[layer.inputs[0]].shape;
    const [, outHeight, outWidth] = layer.shape;
    for (let o = 0, at = 0; o < outputs; o++) {
      const first = Math.floor(o * groups / outputs) * channels;
      for (let y = 0; y < outHeight; y++) {
        for (let x = 0; x < outWidth; x++, at++) {
          if (slopes[at] === 0) continue;
          let w = o * channels * rows * cols;
          for (let c = first; c < first + channels; c++) {
            for (let i = 0; i < rows; i++) {
              const row = y * stride[0] - padding[0] + i * dilation[0];
              for (let j = 0; j < cols; j++, w++) {
                const column = x * stride[1] - padding[1] + j * dilation[1];
                if (row < 0 || row >= height || column < 0 || column >= width) continue;
                into[(c * height + row) * width + column] += values[w] * slopes[at];
              }
            }
          }
        }
      }
    }
  },
  linear(network, layer, slopes, into) {
    const { values } = network.tensors[layer.tensors.weight];
    for (let o = 0, w = 0; o < slopes.length; o++) {
      for (let i = 0; i < into.length; i++, w++) into[i] += values[w] * slopes[o];
    }
  },
  batch_norm(network, layer, slopes, into) {
    const { factor } = normalisation(layer, network.tensors);
    const each = into.length / factor.length;
    for (let i = 0; i < into.length; i++) into[i] += factor[Math.floor(i / each)] * slopes[i];
  },
  relu(network, layer, slopes, into) {
    const values = network.map(layer.index);
    for (let i = 0; i < into.length; i++) if (values[i] > 0) into[i] += slopes[i];
  },
  gelu(network, layer, slopes, into) {
    const values = network.map(layer.inputs[0]);
    for (let i = 0; i < into.length; i++) into[i] += gelu(values[i], layer.settings.tanh)[1] * slopes[i];
  },
  max_pool(network, layer, slopes, into) {
    const { shape } = network.layers[layer.inputs[0]];
    const values = network.map(layer.inputs[0]);
    const { places } = pools(layer, shape);
    for (let o = 0; o < slopes.length; o++) {
      const start = Math.floor(o / places.length) * shape[1] * shape[2];
      const largest = places[o % places.length].reduce((a, b) => values[start + b] > values[start + a] ? b : a);
      into[start + largest] += slopes[o];
    }
  },
  average_pool(network, layer, slopes, into) {
    const { shape } = network.layers[layer.inputs[0]];
    const { places, divisors } = pools(layer, shape);
    for (let o = 0; o < slopes.length; o++) {
      const start = Math.floor(o / places.length) * shape[1] * shape[2];
      const share = slopes[o] / divisors[o % places.length];
      for (const place of places[o % places.length]) into[start + place] += share;
    }
  },
  adaptive_average_pool(...all) {
    BACKWARD.average_pool(...all);
  },
  reshape(network, layer, slopes, into) {
    for (let i = 0; i < into.length; i++) into[i] += slopes[i];
  },
  add(...all) {
    BACKWARD.reshape(...all);
  },
  multiply(network, layer, slopes, into) {
    for (let i = 0; i < into.length; i++) into[i] += slopes[i] * layer.settings.factor;
  },
};

/**
 * How strongly each unit or channel of a layer responds to each picture, and where.
 * @param {Network} network
 * @param {Uint8Array} pictures (count, height, width, 3)
 * @param {number} layerIndex
 * @returns {{units: number, values: Float32Array, places: Int32Array}} the largest value in the channel's map and its
 *     place (row × width + column), both (count, units)
 */
export function activationsOverPictures(network, pictures, layerIndex) {
  const bytes = network.input.length;
  const [units, height = 1, width = 1] = network.layers[layerIndex].shape;
  const count = pictures.length / bytes;
  const values = new Float32Array(count * units);
  const places = new Int32Array(count * units);
  const size = height * width;
  for (let n = 0, at = 0; n < count; n++) {
    network.forward(pictures.subarray(n * bytes, (n + 1) * bytes), layerIndex);
    const map = network.map(layerIndex);
    for (let unit = 0; unit < units; unit++, at++) {
      let best = unit * size;
      for (let i = best + 1; i < (unit + 1) * size; i++) if (map[i] > map[best]) best = i;
      values[at] = map[best];
      places[at] = best - unit * size;
    }
  }
  return { units, values, places };
}

const TASKS = { occlusion, gradCam, activationsOverPictures };

// The other side of `Background`, within the Worker.
function serve(scope) {
  let network;
  scope.onmessage = ({ data: { weights, id, task, args } }) => {
    if (weights) {
      network = new Network(decode(weights));
      return;
    }
    try {
      scope.postMessage({ id, result: TASKS[task](network, ...args) });
    } catch (error) {
      scope.postMessage({ id, problem: error.message });
    }
  };
}

/**
 * The script of a Worker.
 * @param {string} joinedText this module joined with what it imports: `import source from "./heavy.js?joined"`
 * @returns {string}
 */
export function workerSource(joinedText) {
  // Without exports it is a classic script, which more hosts let a Worker run than a module.
  return `${joinedText.replace(/^export (?=function|class|const)/gm, "")}\nserve(self);\n`;
}

/** Computes in a Worker, or on the main thread where the host forbids one. */
export class Background {
  #weights;
  #address;
  #worker = null;
  #network = null;
  #pending = new Map();
  #count = 0;

  /**
   * @param {string} source see `workerSource`
   * @param {ArrayBuffer|ArrayBufferView} weights a weights file
   */
  constructor(source, weights) {
    this.#weights = weights;
    this.#address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    try {
      this.#worker = new Worker(this.#address);
      this.#worker.onmessage = ({ data }) => this.#settle(data);
      // Tasks fail with a message, so this says that the Worker itself did not start.
      this.#worker.onerror = event => {
        event.preventDefault();
        this.#withoutWorker();
      };
      this.#worker.postMessage({ weights });
    } catch {
      this.#worker = null;
    }
  }

  /** Whether a Worker computes. */
  get inWorker() {
    return this.#worker !== null;
  }

  /**
   * Computes one of `occlusion`, `gradCam` and `activationsOverPictures`.
   * @param {string} task its name
   * @param {Array} args all its arguments but the network
   * @returns {Promise<object>}
   */
  run(task, args) {
    return new Promise((resolve, reject) => {
      const id = this.#count++;
      this.#pending.set(id, { task, args, resolve, reject });
      if (this.#worker) this.#worker.postMessage({ id, task, args });
      else setTimeout(() => this.#compute(id));
    });
  }

  #settle({ id, result, problem }) {
    const { resolve, reject } = this.#pending.get(id);
    this.#pending.delete(id);
    if (problem === undefined) resolve(result);
    else reject(new Error(problem));
  }

  #withoutWorker() {
    this.#worker.terminate();
    this.#worker = null;
    for (const id of [...this.#pending.keys()]) this.#compute(id);
  }

  #compute(id) {
    if (!this.#pending.has(id)) return;
    const { task, args } = this.#pending.get(id);
    try {
      this.#network ??= new Network(decode(this.#weights));
      this.#settle({ id, result: TASKS[task](this.#network, ...args) });
    } catch (error) {
      this.#settle({ id, problem: error.message });
    }
  }

  /** Ends the Worker; promises that are open stay so. */
  close() {
    this.#worker?.terminate();
    this.#worker = null;
    this.#pending.clear();
    URL.revokeObjectURL(this.#address);
  }
}
