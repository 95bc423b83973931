// A network of the course in the browser: reads a weights file and computes every layer. It touches no document, so it
// runs in a Worker, too.

const MAGIC = "CNNW";
const VERSION = 1;

/**
 * A layer of a network.
 * @typedef {object} Layer
 * @property {number} index
 * @property {string} name path of the module, such as "features.0.1"
 * @property {string} label the same for people, such as "block 1, batch norm"
 * @property {string} op "input", "convolution", "batch_norm", "relu", "gelu", "max_pool", "average_pool",
 *     "adaptive_average_pool", "linear", "reshape", "add" or "multiply"
 * @property {number[]} shape of its output: [channels, height, width] or [units]
 * @property {number[]} inputs indices of the layers whose output it takes
 * @property {object} settings kernel, stride, padding and so on, as the operation needs them
 * @property {Object<string, string>} tensors names of its parameters
 */

/**
 * What a weights file holds.
 * @typedef {object} Decoded
 * @property {Layer[]} layers
 * @property {Object<string, {shape: number[], values: Float32Array}>} tensors
 * @property {string[]} classes
 * @property {number[]} mean
 * @property {number[]} std
 * @property {?number} epoch
 * @property {?string} run
 * @property {string} network
 */

function halfTable() {
  const table = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits++) {
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    let size = (1 + fraction / 1024) * 2 ** (exponent - 15);
    if (exponent === 0) size = fraction * 2 ** -24;
    if (exponent === 31) size = fraction ? NaN : Infinity;
    table[bits] = bits & 0x8000 ? -size : size;
  }
  return table;
}

function product(numbers) {
  return numbers.reduce((a, b) => a * b, 1);
}

/**
 * Reads a weights file: "CNNW", the length of the header (uint32), the header (JSON), and the tensors.
 * @param {ArrayBuffer|ArrayBufferView} buffer
 * @returns {Decoded}
 */
export function decode(buffer) {
  const bytes = ArrayBuffer.isView(buffer)
    ? new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)
    : new Uint8Array(buffer);
  if (String.fromCharCode(...bytes.subarray(0, 4)) !== MAGIC) {
    throw new Error(`This is not a weights file: it does not begin with ${MAGIC}.`);
  }
  const length = bytes.length < 8 ? Infinity : new DataView(bytes.buffer, bytes.byteOffset).getUint32(4, true);
  if (bytes.length < 8 + length) throw new Error("The weights file is cut off within its header: load it again.");
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  if (header.version !== VERSION) throw new Error(`The weights file has version ${header.version}, not ${VERSION}.`);
  const whole = 8 + length + header.bytes;
  if (bytes.length < whole) {
    throw new Error(`The weights file is cut off after ${bytes.length} of ${whole} bytes: load it again.`);
  }
  // A copy begins at a multiple of 4 bytes, wherever the file lies in its buffer.
  const data = bytes.slice(8 + length).buffer;
  const half = halfTable();
  const tensors = {};
  for (const { name, shape, type, at, scale } of header.tensors) {
    const count = product(shape);
    let values;
    if (type === "f32") values = new Float32Array(data, at, count);
    else if (type === "f16") values = Float32Array.from(new Uint16Array(data, at, count), bits => half[bits]);
    else if (type === "i8") {
      const scales = new Float32Array(data, scale, shape[0]);
      const each = count / shape[0];
      values = Float32Array.from(new Int8Array(data, at, count), (whole, i) => whole * scales[Math.floor(i / each)]);
    } else throw new Error(`The weights file has numbers of the unknown type ${type}.`);
    tensors[name] = { shape, values };
  }
  return { ...header, tensors };
}

/**
 * For each place of a layer's output along one axis, the first input that its window covers, and the one after the
 * last; both may lie outside the input.
 * @param {Layer} layer a pooling layer
 * @param {number} axis 0 for rows, 1 for columns
 * @param {number} inputs how many there are along this axis
 * @returns {number[][]}
 */
function windows(layer, axis, inputs) {
  const { kernel, stride, padding, dilation = [1, 1] } = layer.settings;
  const count = layer.shape[axis + 1] ?? 1;
  return Array.from({ length: count }, (_, place) => {
    if (!kernel) return [Math.floor(place * inputs / count), Math.ceil((place + 1) * inputs / count)];
    const start = place * stride[axis] - padding[axis];
    return [start, start + (kernel[axis] - 1) * dilation[axis] + 1];
  });
}

/**
 * Lists, for a pooling layer, the inputs under each window, and the number by which an average divides.
 * @param {Layer} layer
 * @param {number[]} shape of the input
 * @returns {{places: Int32Array[], divisors: number[]}} by place of the output; places count within one channel
 */
export function pools(layer, shape) {
  const [, height, width] = shape;
  const { padding = [0, 0], dilation = [1, 1], rim = false } = layer.settings;
  const places = [];
  const divisors = [];
  for (const [top, bottom] of windows(layer, 0, height)) {
    for (const [left, right] of windows(layer, 1, width)) {
      const covered = [];
      for (let y = top; y < bottom; y += dilation[0]) {
        for (let x = left; x < right; x += dilation[1]) {
          if (y >= 0 && y < height && x >= 0 && x < width) covered.push(y * width + x);
        }
      }
      places.push(Int32Array.from(covered));
      // With a window that reaches beyond the padding, only what lies within the padding counts.
      const rows = Math.min(bottom, height + padding[0]) - top;
      const columns = Math.min(right, width + padding[1]) - left;
      divisors.push(rim ? rows * columns : covered.length);
    }
  }
  return { places, divisors };
}

/**
 * A batch norm at inference is one factor and one summand for each channel.
 * @param {Layer} layer
 * @param {Object<string, {values: Float32Array}>} tensors
 * @returns {{factor: Float64Array, summand: Float64Array}}
 */
export function normalisation(layer, tensors) {
  const [weight, bias, mean, variance] = ["weight", "bias", "running_mean", "running_var"].map(
    name => tensors[layer.tensors[name]]?.values
  );
  const factor = Float64Array.from(variance, (v, c) => (weight?.[c] ?? 1) / Math.sqrt(v + layer.settings.eps));
  const summand = factor.map((f, c) => (bias?.[c] ?? 0) - mean[c] * f);
  return { factor, summand };
}

// Abramowitz and Stegun 7.1.26; wrong by at most 1.5e-7, which is float32's own rounding.
function erf(x) {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const tail = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  const value = 1 - tail * Math.exp(-x * x);
  return x < 0 ? -value : value;
}

const TANH_FACTOR = Math.sqrt(2 / Math.PI);

/**
 * The GELU of a number, and its slope there.
 * @param {number} x
 * @param {boolean} tanh whether to compute the approximation by tanh
 * @returns {number[]} value and slope
 */
export function gelu(x, tanh) {
  if (tanh) {
    const t = Math.tanh(TANH_FACTOR * (x + 0.044715 * x ** 3));
    return [0.5 * x * (1 + t), 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * TANH_FACTOR * (1 + 0.134145 * x * x)];
  }
  const share = 0.5 * (1 + erf(x * Math.SQRT1_2));
  return [x * share, share + x * Math.exp(-0.5 * x * x) * 0.5 * TANH_FACTOR];
}

// Both matrices lie in blocks of four rows: A (M/4, K, 4), B (P/4, K, 4); C is (M, P), rounded up to fours. Sixteen
// sums in local variables use each number that is loaded four times. All are doubles, because JavaScript computes in
// doubles and would convert single precision at every load. The weights, A, are the larger matrix in late layers, so
// they are gone through once only.
function multiply(K, M, P, A, B, C) {
  for (let m = 0; m < M; m += 4) {
    for (let p = 0; p < P; p += 4) {
      let c00 = 0, c01 = 0, c02 = 0, c03 = 0;
      let c10 = 0, c11 = 0, c12 = 0, c13 = 0;
      let c20 = 0, c21 = 0, c22 = 0, c23 = 0;
      let c30 = 0, c31 = 0, c32 = 0, c33 = 0;
      const end = (m + 4) * K;
      for (let a = m * K, b = p * K; a < end; a += 4, b += 4) {
        const b0 = B[b], b1 = B[b + 1], b2 = B[b + 2], b3 = B[b + 3];
        const a0 = A[a], a1 = A[a + 1], a2 = A[a + 2], a3 = A[a + 3];
        c00 += a0 * b0; c01 += a0 * b1; c02 += a0 * b2; c03 += a0 * b3;
        c10 += a1 * b0; c11 += a1 * b1; c12 += a1 * b2; c13 += a1 * b3;
        c20 += a2 * b0; c21 += a2 * b1; c22 += a2 * b2; c23 += a2 * b3;
        c30 += a3 * b0; c31 += a3 * b1; c32 += a3 * b2; c33 += a3 * b3;
      }
      let o = m * P + p;
      C[o] = c00; C[o + 1] = c01; C[o + 2] = c02; C[o + 3] = c03;
      o += P;
      C[o] = c10; C[o + 1] = c11; C[o + 2] = c12; C[o + 3] = c13;
      o += P;
      C[o] = c20; C[o + 1] = c21; C[o + 2] = c22; C[o + 3] = c23;
      o += P;
      C[o] = c30; C[o + 1] = c31; C[o + 2] = c32; C[o + 3] = c33;
    }
  }
}

function upToFours(count) {
  return 4 * Math.ceil(count / 4);
}

// The inputs under the kernel at each place of the output (im2col), in the blocks of four that `multiply` wants.
function columns(layer, input, [, height, width], first, channels, out) {
  const { kernel: [rows, cols], stride, padding, dilation } = layer.settings;
  const [, outHeight, outWidth] = layer.shape;
  const K = channels * rows * cols;
  for (let y = 0, p = 0; y < outHeight; y++) {
    for (let x = 0; x < outWidth; x++, p++) {
      const top = y * stride[0] - padding[0];
      const left = x * stride[1] - padding[1];
      let o = (p - p % 4) * K + p % 4;
      for (let c = first; c < first + channels; c++) {
        for (let i = 0; i < rows; i++) {
          const row = top + i * dilation[0];
          const inside = row >= 0 && row < height;
          const start = (c * height + row) * width;
          for (let j = 0; j < cols; j++, o += 4) {
            const column = left + j * dilation[1];
            out[o] = inside && column >= 0 && column < width ? input[start + column] : 0;
          }
        }
      }
    }
  }
}

// Each maker prepares a layer once, and gives the function that computes `out` from the inputs at each forward pass.

function makeConvolution(layer, [source], tensors, out, scratch) {
  const { groups } = layer.settings;
  const { shape: [, channels, rows, cols], values } = tensors[layer.tensors.weight];
  const bias = tensors[layer.tensors.bias]?.values;
  const K = channels * rows * cols;
  const P = product(layer.shape.slice(1));
  const M = layer.shape[0] / groups;
  const width = upToFours(P);
  const packed = Array.from({ length: groups }, (_, group) => {
    const blocks = new Float64Array(upToFours(M) * K);
    for (let m = 0; m < M; m++) {
      for (let k = 0; k < K; k++) blocks[(m - m % 4) * K + 4 * k + m % 4] = values[(group * M + m) * K + k];
    }
    return blocks;
  });
  scratch.reserve(width * K, upToFours(M) * width);
  return () => {
    for (let group = 0; group < groups; group++) {
      columns(layer, source.values, source.shape, group * channels, channels, scratch.columns);
      multiply(K, M, width, packed[group], scratch.columns, scratch.sums);
      for (let m = 0; m < M; m++) {
        const channel = group * M + m;
        const summand = bias ? bias[channel] : 0;
        for (let p = 0; p < P; p++) out[channel * P + p] = scratch.sums[m * width + p] + summand;
      }
    }
  };
}

function makeLinear(layer, [source], tensors, out) {
  const { shape: [outputs, inputs], values } = tensors[layer.tensors.weight];
  const bias = tensors[layer.tensors.bias]?.values;
  // Transposed, so that an input that is 0, as many are after a ReLU, costs nothing.
  const turned = new Float32Array(values.length);
  for (let o = 0; o < outputs; o++) {
    for (let i = 0; i < inputs; i++) turned[i * outputs + o] = values[o * inputs + i];
  }
  return () => {
    if (bias) out.set(bias);
    else out.fill(0);
    for (let i = 0; i < inputs; i++) {
      const value = source.values[i];
      if (value === 0) continue;
      for (let o = 0, w = i * outputs; o < outputs; o++, w++) out[o] += value * turned[w];
    }
  };
}

function makeBatchNorm(layer, [source], tensors, out) {
  const { factor, summand } = normalisation(layer, tensors);
  const each = out.length / factor.length;
  return () => {
    for (let c = 0, i = 0; c < factor.length; c++) {
      for (const end = i + each; i < end; i++) out[i] = source.values[i] * factor[c] + summand[c];
    }
  };
}

function makeRelu(layer, [source], tensors, out) {
  return () => {
    for (let i = 0; i < out.length; i++) out[i] = source.values[i] > 0 ? source.values[i] : 0;
  };
}

function makeGelu(layer, [source], tensors, out) {
  return () => {
    for (let i = 0; i < out.length; i++) out[i] = gelu(source.values[i], layer.settings.tanh)[0];
  };
}

function makeMaxPool(layer, [source], tensors, out) {
  const { places } = pools(layer, source.shape);
  const size = source.shape[1] * source.shape[2];
  return () => {
    for (let c = 0, o = 0; c < layer.shape[0]; c++) {
      for (const covered of places) {
        let largest = -Infinity;
        for (let i = 0; i < covered.length; i++) {
          const value = source.values[c * size + covered[i]];
          if (value > largest) largest = value;
        }
        out[o++] = largest;
      }
    }
  };
}

function makeAveragePool(layer, [source], tensors, out) {
  const { places, divisors } = pools(layer, source.shape);
  const size = source.shape[1] * source.shape[2];
  return () => {
    for (let c = 0, o = 0; c < layer.shape[0]; c++) {
      for (let p = 0; p < places.length; p++) {
        let sum = 0;
        for (const place of places[p]) sum += source.values[c * size + place];
        out[o++] = sum / divisors[p];
      }
    }
  };
}

function makeAdd(layer, [one, other], tensors, out) {
  return () => {
    for (let i = 0; i < out.length; i++) out[i] = one.values[i] + other.values[i];
  };
}

function makeMultiply(layer, [source], tensors, out) {
  const { factor } = layer.settings;
  return () => {
    for (let i = 0; i < out.length; i++) out[i] = source.values[i] * factor;
  };
}

const MAKERS = {
  convolution: makeConvolution,
  linear: makeLinear,
  batch_norm: makeBatchNorm,
  relu: makeRelu,
  gelu: makeGelu,
  max_pool: makeMaxPool,
  average_pool: makeAveragePool,
  adaptive_average_pool: makeAveragePool,
  add: makeAdd,
  multiply: makeMultiply,
};

// Memory that all convolutions use in turn.
class Scratch {
  columns = new Float64Array(0);
  sums = new Float64Array(0);

  reserve(columnCount, sumCount) {
    if (this.columns.length < columnCount) this.columns = new Float64Array(columnCount);
    if (this.sums.length < sumCount) this.sums = new Float64Array(sumCount);
  }
}

/**
 * The softmax of logits.
 * @param {number[]|Float64Array} logits
 * @returns {number[]}
 */
export function softmax(logits) {
  const largest = Math.max(...logits);
  const powers = Array.from(logits, logit => Math.exp(logit - largest));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map(power => power / sum);
}

/** A network that computes. Its maps are overwritten by each forward pass. */
export class Network {
  #steps = [];
  #maps = [];

  /** @param {Decoded} decoded */
  constructor(decoded) {
    this.tensors = decoded.tensors;
    this.classes = decoded.classes;
    this.mean = decoded.mean;
    this.std = decoded.std;
    this.epoch = decoded.epoch;
    /** @type {Layer[]} */
    this.layers = decoded.layers.map((layer, index) => ({ index, ...layer }));
    const scratch = new Scratch();
    for (const layer of this.layers) {
      const sources = layer.inputs.map(index => ({ values: this.#maps[index], shape: this.layers[index].shape }));
      // The same numbers in the same order need no memory of their own.
      const values = layer.op === "reshape" ? sources[0].values : new Float64Array(product(layer.shape));
      this.#maps.push(values);
      this.#steps.push(MAKERS[layer.op]?.(layer, sources, this.tensors, values, scratch));
    }
    /** The normalised picture of the last forward pass, (channels, height, width). */
    this.input = this.#maps[0];
  }

  /**
   * Classifies a picture, or computes its maps only up to one layer.
   * @param {Uint8Array|Uint8ClampedArray} pixels (height, width, 3), rows first
   * @param {number} [last] index of the last layer that is needed
   * @returns {?{logits: number[], probabilities: number[]}} null if the network was not computed to its end
   */
  forward(pixels, last = this.layers.length - 1) {
    const channels = this.layers[0].shape[0];
    if (channels !== this.mean.length || pixels.length !== this.input.length) {
      const numbers = this.layers[0].shape.join(" × ");
      throw new Error(`The network takes ${numbers} numbers, not ${pixels.length} of 3 colours.`);
    }
    const size = this.input.length / channels;
    for (let c = 0; c < channels; c++) {
      for (let i = 0; i < size; i++) {
        this.input[c * size + i] = (pixels[i * channels + c] / 255 - this.mean[c]) / this.std[c];
      }
    }
    return this.#run(last);
  }

  /**
   * Classifies a picture that is already normalised.
   * @param {Float32Array} planes (channels, height, width)
   * @returns {{logits: number[], probabilities: number[]}}
   */
  forwardPlanes(planes) {
    if (planes.length !== this.input.length) {
      throw new Error(`The network takes ${this.layers[0].shape.join(" × ")} numbers, not ${planes.length}.`);
    }
    this.input.set(planes);
    return this.#run(this.layers.length - 1);
  }

  #run(last) {
    for (let index = 0; index <= last; index++) this.#steps[index]?.();
    if (last < this.layers.length - 1) return null;
    const logits = Array.from(this.#maps.at(-1));
    return { logits, probabilities: softmax(logits) };
  }

  /**
   * The output of a layer in the last forward pass; the next one overwrites it.
   * @param {number} index
   * @returns {Float64Array}
   */
  map(index) {
    return this.#maps[index];
  }

  /**
   * The weights of one kernel of a convolution, rows first.
   * @param {number} index of the layer
   * @param {number} output channel of its output
   * @param {number} input channel of its input (within its group)
   * @returns {Float32Array}
   */
  kernel(index, output, input) {
    const { shape: [, channels, rows, cols], values } = this.tensors[this.layers[index].tensors.weight];
    const start = (output * channels + input) * rows * cols;
    return values.subarray(start, start + rows * cols);
  }

  /**
   * The bias of a channel or unit, 0 in a layer without biases.
   * @param {number} index of the layer
   * @param {number} output channel or unit
   * @returns {number}
   */
  bias(index, output) {
    return this.tensors[this.layers[index].tensors.bias]?.values[output] ?? 0;
  }

  /**
   * The layer with this name.
   * @param {string} name path of the module
   * @returns {Layer|undefined}
   */
  find(name) {
    return this.layers.find(layer => layer.name === name);
  }
}
