// Backward through a network: how a number of a layer changes with each number before it.
import { gelu, normalisation, pools, windows } from "./network.js";

/**
 * The slopes of a unit by all numbers before it: how much the unit changes with a small change of one (the gradient).
 * @param {import("./network.js").Network} network
 * @returns {(index: number, unit: number, least?: number) => Float64Array[]} takes a layer and a place in its output,
 *     after a forward pass; gives slopes by layer from `least` on, where 0 is the picture
 */
export function slopesThrough(network) {
  const { layers } = network;
  const passes = [];
  return (index, unit, least = 0) => {
    const slopes = [];
    for (let k = least; k <= index; k++) slopes[k] = new Float64Array(network.map(k).length);
    slopes[index][unit] = 1;
    for (let k = index; k > least; k--) {
      passes[k] ??= PASSES[layers[k].op](network, layers[k]);
      const inputs = layers[k].inputs.filter(input => input >= least); // a shortcut may begin before
      slopes[k].forEach((slope, at) => {
        if (slope) for (const input of inputs) passes[k](at, slope, slopes[input]);
      });
    }
    return slopes;
  };
}

/** Of a layer whose numbers each follow from the one in the same place. */
const alone = slopeAt => (at, slope, into) => {
  into[at] += slope * slopeAt(at);
};

/** Of a pooling layer: `visit` gets the inputs in the window. */
function window(network, layer, visit) {
  const { shape } = network.layers[layer.inputs[0]];
  const { places, divisors } = pools(layer, shape);
  return (at, slope, into) => {
    const place = at % places.length;
    const start = ((at - place) / places.length) * shape[1] * shape[2];
    visit(Array.from(places[place], each => start + each), slope, into, divisors[place]);
  };
}

// Each adds to `into`, the slopes by a layer's input, what the slope by the number `at` of its output brings about.
const PASSES = {
  convolution({ layers, tensors }, layer) {
    const { shape: [outputs, channels], values } = tensors[layer.tensors.weight];
    const [, height, width] = layers[layer.inputs[0]].shape;
    const places = windows(layer, [channels, height, width]);
    return (at, slope, into) => {
      const inputs = places[at % places.length];
      const output = Math.floor(at / places.length);
      const first = Math.floor((output * layer.settings.groups) / outputs) * channels;
      let weight = output * channels * inputs.length;
      for (let c = first; c < first + channels; c++) {
        for (const input of inputs) {
          if (input >= 0) into[c * height * width + input] += values[weight] * slope;
          weight += 1;
        }
      }
    };
  },
  linear({ tensors }, layer) {
    const { values } = tensors[layer.tensors.weight];
    return (at, slope, into) => {
      for (let i = 0, weight = at * into.length; i < into.length; i++, weight++) into[i] += values[weight] * slope;
    };
  },
  batch_norm({ tensors }, layer) {
    const { factor } = normalisation(layer, tensors);
    const [, height = 1, width = 1] = layer.shape;
    return alone(at => factor[Math.floor(at / (height * width))]);
  },
  relu(network, { index }) {
    return alone(at => (network.map(index)[at] > 0 ? 1 : 0));
  },
  gelu(network, { inputs, settings }) {
    return alone(at => gelu(network.map(inputs[0])[at], settings.tanh)[1]);
  },
  multiply(_, { settings }) {
    return alone(() => settings.factor);
  },
  add: () => alone(() => 1),
  reshape: () => alone(() => 1),
  max_pool(network, layer) {
    const values = network.map(layer.inputs[0]);
    return window(network, layer, (places, slope, into) => {
      into[places.reduce((most, place) => (values[place] > values[most] ? place : most))] += slope;
    });
  },
  average_pool(network, layer) {
    return window(network, layer, (places, slope, into, divisor) => {
      for (const place of places) into[place] += slope / divisor;
    });
  },
};
PASSES.adaptive_average_pool = PASSES.average_pool;
