// A network of the course in the browser: reads a weights file and computes every layer. It touches no document, so it
// runs in a Worker, too.

/**
 * @typedef {object} Layer `Node` of web/graph.py with its index
 * @property {number} index
 * @property {string} name path of the module, such as "features.0.1"
 * @property {string} label the same for people, such as "block 1, batch norm"
 * @property {string} op
 * @property {number[]} shape of its output: [channels, height, width] or [units]
 * @property {number[]} inputs indices of the layers whose output it takes
 * @property {Record<string, any>} settings
 * @property {Record<string, string>} tensors names of its parameters
 */

/** @typedef {Record<string, {shape: number[], values: Float32Array}>} Tensors */

const product = numbers => numbers.reduce((a, b) => a * b, 1);
const upToFours = count => 4 * Math.ceil(count / 4);

/** A finite float16 from its bits. */
function half(bits) {
  const exponent = (bits >> 10) & 31;
  const fraction = (bits & 1023) / 1024;
  const size = exponent ? (1 + fraction) * 2 ** (exponent - 15) : fraction * 2 ** -14;
  return bits & 0x8000 ? -size : size;
}

/**
 * Reads a weights file, which `encode` of web/weights.py describes.
 * @param {ArrayBuffer|ArrayBufferView} buffer
 * @returns {{layers: Layer[], tensors: Tensors, classes: string[], mean: number[], std: number[], epoch: ?number}}
 */
export function decode(buffer) {
  const { byteOffset = 0, byteLength } = buffer;
  const bytes = new Uint8Array(buffer.buffer ?? buffer, byteOffset, byteLength);
  if (String.fromCharCode(...bytes.subarray(0, 4)) !== "CNNW") {
    throw new Error("This is not a weights file: it does not begin with CNNW.");
  }
  const length = bytes.length < 8 ? Infinity : new DataView(bytes.buffer, bytes.byteOffset).getUint32(4, true);
  if (bytes.length < 8 + length) throw new Error("The weights file is cut off within its header: load it again.");
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  if (header.version !== 1) throw new Error(`The weights file has version ${header.version}, not 1.`);
  const whole = 8 + length + header.bytes;
  if (bytes.length < whole) {
    throw new Error(`The weights file is cut off after ${bytes.length} of ${whole} bytes: load it again.`);
  }
  const data = bytes.slice(8 + length).buffer; // a copy begins at a multiple of 4 bytes
  const halves = new Float32Array(65536).map((_, bits) => half(bits));
  const read = {
    f32: (at, count) => new Float32Array(data, at, count),
    f16(at, count) {
      const bits = new Uint16Array(data, at, count);
      const values = new Float32Array(count);
      for (let i = 0; i < count; i++) values[i] = halves[bits[i]];
      return values;
    },
    i8(at, count, scale, rows) {
      const scales = new Float32Array(data, scale, rows);
      const each = count / rows;
      const whole = new Int8Array(data, at, count);
      const values = new Float32Array(count);
      for (let i = 0; i < count; i++) values[i] = whole[i] * scales[Math.floor(i / each)];
      return values;
    },
  };
  const tensors = {};
  for (const { name, shape, type, at, scale } of header.tensors) {
    if (!read[type]) throw new Error(`The weights file has numbers of the unknown type ${type}.`);
    tensors[name] = { shape, values: read[type](at, product(shape), scale, shape[0]) };
  }
  return { ...header, tensors };
}

/** The inputs under each window along one axis; those in the padding are below 0 or above the last. */
function spans(layer, axis, inputs) {
  const { kernel, stride, padding, dilation = [1, 1], rim } = layer.settings;
  const count = layer.shape[axis + 1] ?? 1;
  return Array.from({ length: count }, (_, place) => {
    let start = Math.floor(place * inputs / count);
    let end = Math.ceil((place + 1) * inputs / count);
    if (kernel) {
      start = place * stride[axis] - padding[axis];
      end = start + kernel[axis] * dilation[axis];
    }
    if (rim) end = Math.min(end, inputs + padding[axis]); // what lies beyond the padding does not count
    return Array.from({ length: Math.ceil((end - start) / dilation[axis]) }, (_, k) => start + k * dilation[axis]);
  });
}

/**
 * The inputs under each window of a convolution or of pooling.
 * @param {Layer} layer
 * @param {number[]} shape of the input
 * @returns {Int32Array[]} by place of the output: places within one channel, rows first, −1 in the padding
 */
export function windows(layer, [, height, width]) {
  const across = spans(layer, 1, width);
  const place = (y, x) => (y >= 0 && y < height && x >= 0 && x < width ? y * width + x : -1);
  return spans(layer, 0, height).flatMap(rows =>
    across.map(columns => Int32Array.from(rows.flatMap(y => columns.map(x => place(y, x))))),
  );
}

/**
 * The inputs under each window of a pooling layer, and the number by which an average divides.
 * @param {Layer} layer
 * @param {number[]} shape of the input
 * @returns {{places: Int32Array[], divisors: number[]}} by place of the output; places count within one channel
 */
export function pools(layer, shape) {
  const all = windows(layer, shape);
  const places = all.map(window => window.filter(place => place >= 0));
  return { places, divisors: (layer.settings.rim ? all : places).map(window => window.length) };
}

/**
 * A batch norm at inference is one factor and one summand for each channel.
 * @param {Layer} layer
 * @param {Tensors} tensors
 * @returns {{factor: Float64Array, summand: Float64Array}}
 */
export function normalisation(layer, tensors) {
  const values = name => tensors[layer.tensors[name]]?.values;
  const weight = values("weight");
  const bias = values("bias");
  const mean = values("running_mean");
  const deviation = Float64Array.from(values("running_var"), variance => Math.sqrt(variance + layer.settings.eps));
  const factor = deviation.map((d, c) => (weight?.[c] ?? 1) / d);
  return { factor, summand: factor.map((f, c) => (bias?.[c] ?? 0) - mean[c] * f) };
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
 * @param {number} x
 * @param {boolean} tanh whether to compute the approximation by tanh
 * @returns {number[]} the GELU of x, and its slope there
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
// sums in local variables use each loaded number four times. All are doubles: JavaScript would convert singles at every
// load.
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

/** The inputs under the kernel at each place of the output (im2col), in the blocks of four that `multiply` wants. */
function unfold(places, { values, shape }, first, channels, out) {
  const size = shape[1] * shape[2];
  const K = channels * places[0].length;
  for (let p = 0; p < places.length; p++) {
    const window = places[p];
    let o = (p - p % 4) * K + p % 4;
    for (let start = first * size; start < (first + channels) * size; start += size) {
      for (let t = 0; t < window.length; t++, o += 4) out[o] = window[t] < 0 ? 0 : values[start + window[t]];
    }
  }
}

function scaled(source, out, factor, summand) {
  const each = out.length / factor.length;
  return () => {
    for (let c = 0, i = 0; c < factor.length; c++) {
      for (const end = i + each; i < end; i++) out[i] = source.values[i] * factor[c] + summand[c];
    }
  };
}

function pooling(reduce) {
  return (layer, [{ values, shape }], out) => {
    const { places, divisors } = pools(layer, shape);
    return () => {
      for (let o = 0; o < out.length; o++) {
        const k = o % places.length;
        const start = ((o - k) / places.length) * shape[1] * shape[2];
        out[o] = reduce(values, start, places[k], divisors[k]);
      }
    };
  };
}

// Each prepares a layer once, and gives the function that computes `out` from its inputs at each forward pass.
const OPERATIONS = {
  convolution(layer, [source], out, tensors, scratch) {
    const { groups } = layer.settings;
    const { shape: [, channels, rows, cols], values } = tensors[layer.tensors.weight];
    const bias = tensors[layer.tensors.bias]?.values;
    const places = windows(layer, source.shape);
    const K = channels * rows * cols;
    const P = places.length;
    const M = layer.shape[0] / groups;
    const width = upToFours(P);
    const packed = Array.from({ length: groups }, (_, group) => {
      const blocks = new Float64Array(upToFours(M) * K);
      for (let m = 0; m < M; m++) {
        for (let k = 0; k < K; k++) blocks[(m - m % 4) * K + 4 * k + m % 4] = values[(group * M + m) * K + k];
      }
      return blocks;
    });
    scratch.inputs = Math.max(scratch.inputs, width * K);
    scratch.sums = Math.max(scratch.sums, upToFours(M) * width);
    return ({ inputs, sums }) => {
      for (let group = 0; group < groups; group++) {
        unfold(places, source, group * channels, channels, inputs);
        multiply(K, M, width, packed[group], inputs, sums);
        for (let m = 0; m < M; m++) {
          const channel = group * M + m;
          const summand = bias ? bias[channel] : 0;
          for (let p = 0; p < P; p++) out[channel * P + p] = sums[m * width + p] + summand;
        }
      }
    };
  },
  linear(layer, [source], out, tensors) {
    const { shape: [outputs, inputs], values } = tensors[layer.tensors.weight];
    const bias = tensors[layer.tensors.bias]?.values ?? new Float32Array(outputs);
    // Transposed, so that an input that is 0, as many are after a ReLU, costs nothing.
    const turned = values.map((_, k) => values[(k % outputs) * inputs + Math.floor(k / outputs)]);
    return () => {
      out.set(bias);
      for (let i = 0; i < inputs; i++) {
        const value = source.values[i];
        if (value === 0) continue;
        for (let o = 0, w = i * outputs; o < outputs; o++, w++) out[o] += value * turned[w];
      }
    };
  },
  batch_norm(layer, [source], out, tensors) {
    const { factor, summand } = normalisation(layer, tensors);
    return scaled(source, out, factor, summand);
  },
  multiply(layer, [source], out) {
    return scaled(source, out, [layer.settings.factor], [0]);
  },
  relu(layer, [source], out) {
    return () => {
      for (let i = 0; i < out.length; i++) out[i] = source.values[i] > 0 ? source.values[i] : 0;
    };
  },
  gelu(layer, [source], out) {
    return () => {
      for (let i = 0; i < out.length; i++) out[i] = gelu(source.values[i], layer.settings.tanh)[0];
    };
  },
  add(layer, [one, other], out) {
    return () => {
      for (let i = 0; i < out.length; i++) out[i] = one.values[i] + other.values[i];
    };
  },
  max_pool: pooling((values, start, places) => {
    let largest = -Infinity;
    for (const place of places) {
      if (values[start + place] > largest) largest = values[start + place];
    }
    return largest;
  }),
  average_pool: pooling((values, start, places, divisor) => {
    let sum = 0;
    for (const place of places) sum += values[start + place];
    return sum / divisor;
  }),
};
OPERATIONS.adaptive_average_pool = OPERATIONS.average_pool;

/** Probabilities of logits. */
function softmax(logits) {
  const largest = Math.max(...logits);
  const powers = Array.from(logits, logit => Math.exp(logit - largest));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map(power => power / sum);
}

/** A network that computes. Its maps are overwritten by each forward pass. */
export class Network {
  #steps;
  #maps = [];
  #scratch;

  /** @param {ReturnType<typeof decode>} decoded */
  constructor(decoded) {
    const { tensors, classes, mean, std, epoch } = decoded;
    Object.assign(this, { tensors, classes, mean, std, epoch });
    /** @type {Layer[]} */
    this.layers = decoded.layers.map((layer, index) => ({ index, ...layer }));
    const most = { inputs: 0, sums: 0 }; // all convolutions use the same memory in turn
    this.#steps = this.layers.map(layer => {
      const sources = layer.inputs.map(index => ({ values: this.#maps[index], shape: this.layers[index].shape }));
      // The same numbers in the same order need no memory of their own.
      const out = layer.op === "reshape" ? sources[0].values : new Float64Array(product(layer.shape));
      this.#maps.push(out);
      return OPERATIONS[layer.op]?.(layer, sources, out, tensors, most);
    });
    this.#scratch = { inputs: new Float64Array(most.inputs), sums: new Float64Array(most.sums) };
    /** The normalised picture of the last forward pass, (channels, height, width). */
    this.input = this.#maps[0];
  }

  /**
   * Classifies a picture.
   * @param {Uint8Array|Uint8ClampedArray} pixels (height, width, 3)
   * @returns {{logits: number[], probabilities: number[]}}
   */
  forward(pixels) {
    const colours = this.mean.length;
    this.#check(this.layers[0].shape[0] === colours && pixels.length, pixels.length);
    const size = pixels.length / colours;
    for (let k = 0; k < pixels.length; k++) {
      const c = k % colours;
      this.input[c * size + (k - c) / colours] = (pixels[k] / 255 - this.mean[c]) / this.std[c];
    }
    return this.#run();
  }

  /**
   * Classifies a picture that is already normalised.
   * @param {ArrayLike<number>} planes (channels, height, width)
   * @returns {{logits: number[], probabilities: number[]}}
   */
  forwardPlanes(planes) {
    this.#check(planes.length, planes.length);
    this.input.set(planes);
    return this.#run();
  }

  #check(fits, count) {
    if (fits === this.input.length) return;
    throw new Error(`The network takes ${this.layers[0].shape.join(" × ")} numbers, not ${count}.`);
  }

  #run() {
    for (const step of this.#steps) step?.(this.#scratch);
    const logits = Array.from(this.#maps.at(-1));
    return { logits, probabilities: softmax(logits) };
  }

  /**
   * @param {number} index of a layer
   * @returns {Float64Array} its output in the last forward pass; the next one overwrites it
   */
  map(index) {
    return this.#maps[index];
  }

  /**
   * @param {number} index of a layer
   * @param {number} output channel or unit
   * @returns {number} its bias, 0 in a layer without biases
   */
  bias(index, output) {
    return this.tensors[this.layers[index].tensors.bias]?.values[output] ?? 0;
  }
}
