// What takes a network many forward passes, or one backward: where it looked. It runs in a Worker where the host allows
// one.
import { Network, decode } from "./network.js";
import { slopesThrough } from "./slopes.js";

/**
 * How much a class loses when a square of the picture is covered with the mean colour (Zeiler and Fergus, 2014); above
 * zero the square speaks for the class. The squares go in steps from the upper left corner, rows first.
 * @param {Network} network
 * @param {Uint8Array} pixels (height, width, 3)
 * @param {{size: number, stride: number, target: number}} square
 * @returns {{corners: number[][], logit: Float64Array, probability: Float64Array}} top and left of each square, and what
 *     covering it costs
 */
export function occlusion(network, pixels, { size, stride, target }) {
  const whole = network.forward(pixels);
  const planes = network.input.slice();
  const { shape } = network.layers[0];
  const [down, across] = shape.slice(1).map(side => (
    Array.from({ length: Math.ceil((side - size) / stride) + 1 }, (_, k) => k * stride)
  ));
  const corners = down.flatMap(top => across.map(left => [top, left]));
  const without = corners.map(corner => network.forwardPlanes(withCover(planes, shape, corner, size)));
  const losses = name => Float64Array.from(without, each => whole[name][target] - each[name][target]);
  return { corners, logit: losses("logits"), probability: losses("probabilities") };
}

/**
 * A normalised picture with a square of zeros, the mean colour; what is beyond the picture's edge is left out.
 * @param {ArrayLike<number>} planes (channels, height, width)
 * @param {number[]} shape its three numbers
 * @param {number[]} corner top and left of the square
 * @param {number} size its side
 */
export function withCover(planes, [, height, width], [top, left], size) {
  const hides = (place, start) => place >= start && place < start + size;
  return planes.map((value, i) => (hides(Math.floor(i / width) % height, top) && hides(i % width, left) ? 0 : value));
}

/**
 * The layer whose maps Grad-CAM weighs by custom: the last convolution, with its norm and activation. Before these, all
 * maps may be below zero, and every place would speak against the class.
 * @param {Network} network
 * @returns {number} its index; -1 in a network without convolutions
 */
export function lastMaps({ layers }) {
  let index = layers.findLastIndex(layer => layer.op === "convolution");
  while (index >= 0 && ["batch_norm", "add", "relu", "gelu"].includes(layers[index + 1]?.op)) index += 1;
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
  const { shape: [channels, height, width], label } = network.layers[layerIndex];
  if (!height) throw new Error(`Grad-CAM needs a layer with maps; "${label}" has ${channels} numbers.`);
  network.forward(pixels);
  const slopes = slopesThrough(network)(network.layers.length - 1, target, layerIndex)[layerIndex];
  const maps = network.map(layerIndex);
  const size = height * width;
  const cells = new Float64Array(size);
  for (let start = 0; start < maps.length; start += size) {
    const weight = slopes.subarray(start, start + size).reduce((a, b) => a + b) / size;
    for (let i = 0; i < size; i++) cells[i] += weight * maps[start + i];
  }
  return { map: enlarge(cells, height, width, network.layers[0].shape), cells, shape: [height, width] };
}

/** Bilinear; cells are squares whose values are in their centres. */
function enlarge(cells, height, width, [, newHeight, newWidth]) {
  const between = (place, old, count) => {
    const at = Math.max(0, (place + 0.5) * old / count - 0.5);
    const low = Math.floor(at);
    return [low, Math.min(low + 1, old - 1), at - low];
  };
  return new Float64Array(newHeight * newWidth).map((_, i) => {
    const [top, bottom, down] = between(Math.floor(i / newWidth), height, newHeight);
    const [left, right, across] = between(i % newWidth, width, newWidth);
    const row = start => cells[start * width + left] * (1 - across) + cells[start * width + right] * across;
    return row(top) * (1 - down) + row(bottom) * down;
  });
}

const TASKS = { occlusion, gradCam };

/** What answers a message with the result of its task, or with the problem. */
function answering(weights) {
  let network;
  return ({ id, task, args }) => {
    try {
      network ??= new Network(decode(weights));
      return { id, result: TASKS[task](network, ...args) };
    } catch (error) {
      return { id, problem: error.message };
    }
  };
}

/** The other side of `Background`, within the Worker. */
function serve(scope) {
  let answer;
  scope.onmessage = ({ data }) => {
    if (data.weights) answer = answering(data.weights);
    else scope.postMessage(answer(data));
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
  #answer;
  #address;
  #worker = null;
  #pending = new Map();
  #count = 0;

  /**
   * @param {string} source see `workerSource`
   * @param {ArrayBuffer|ArrayBufferView} weights a weights file
   */
  constructor(source, weights) {
    this.#answer = answering(weights);
    this.#address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    try {
      this.#worker = new Worker(this.#address);
      this.#worker.onmessage = ({ data }) => this.#settle(data);
      // Tasks fail with a message, so this says that the Worker itself did not start.
      this.#worker.onerror = event => {
        event.preventDefault();
        this.#stop();
        for (const { message } of this.#pending.values()) this.#send(message);
      };
      this.#worker.postMessage({ weights });
    } catch {
      this.#stop();
    }
  }

  /** Whether a Worker computes. */
  get inWorker() {
    return this.#worker !== null;
  }

  /**
   * Computes `occlusion` or `gradCam`.
   * @param {string} task its name
   * @param {Array} args all its arguments but the network
   * @returns {Promise<any>}
   */
  run(task, args) {
    return new Promise((resolve, reject) => {
      const message = { id: this.#count++, task, args };
      this.#pending.set(message.id, { message, resolve, reject });
      this.#send(message);
    });
  }

  #send(message) {
    if (this.#worker) this.#worker.postMessage(message);
    else setTimeout(() => this.#pending.has(message.id) && this.#settle(this.#answer(message)));
  }

  #settle({ id, result, problem }) {
    const { resolve, reject } = this.#pending.get(id);
    this.#pending.delete(id);
    if (problem === undefined) resolve(result);
    else reject(new Error(problem));
  }

  #stop() {
    this.#worker?.terminate();
    this.#worker = null;
  }

  /** Ends the Worker; promises that are open stay so. */
  close() {
    this.#stop();
    this.#pending.clear();
    URL.revokeObjectURL(this.#address);
  }
}
