// Resizing as `cifar_helpers.inference.preprocess` does it: Pillow's bicubic filter, with antialiasing.

const REACH = 2;

/** The cubic of Keys with a = −1/2. */
function bicubic(x) {
  const far = Math.abs(x);
  if (far < 1) return (1.5 * far - 2.5) * far * far + 1;
  return far < REACH ? ((-0.5 * far + 2.5) * far - 4) * far + 2 : 0;
}

/**
 * For each pixel of the output along one side: the first pixel of the input that counts, and the shares of it and of
 * those after it.
 * @param {number} from
 * @param {number} to
 */
function windows(from, to) {
  const scale = from / to;
  const stretch = Math.max(scale, 1); // a pixel that holds several averages over all of them
  return Array.from({ length: to }, (_, place) => {
    const centre = (place + 0.5) * scale;
    const first = Math.max(0, Math.round(centre - REACH * stretch));
    const end = Math.min(from, Math.round(centre + REACH * stretch));
    const shares = Float64Array.from({ length: end - first }, (_, k) => bicubic((first + k - centre + 0.5) / stretch));
    const sum = shares.reduce((a, b) => a + b, 0);
    return { first, shares: shares.map(share => share / sum) };
  });
}

/**
 * A picture of another size. Like Pillow, it rounds to whole numbers after the rows, too.
 * @param {ArrayLike<number>} pixels (height, width, 3), 0 to 255, rows first
 * @param {number} height
 * @param {number} width
 * @param {number} size height and width of the result
 * @returns {Uint8Array} (size, size, 3)
 */
export function resized(pixels, height, width, size) {
  if (height === size && width === size) return Uint8Array.from(pixels);
  const across = new Uint8ClampedArray(height * size * 3); // rounds and clips what is written into it
  windows(width, size).forEach(({ first, shares }, x) => {
    for (let y = 0; y < height; y++) {
      for (let c = 0; c < 3; c++) {
        let sum = 0;
        for (let k = 0, i = (y * width + first) * 3 + c; k < shares.length; k++, i += 3) sum += shares[k] * pixels[i];
        across[(y * size + x) * 3 + c] = sum;
      }
    }
  });
  const result = new Uint8ClampedArray(size * size * 3);
  windows(height, size).forEach(({ first, shares }, y) => {
    for (let i = 0; i < size * 3; i++) {
      let sum = 0;
      for (let k = 0; k < shares.length; k++) sum += shares[k] * across[(first + k) * size * 3 + i];
      result[y * size * 3 + i] = sum;
    }
  });
  return new Uint8Array(result.buffer);
}
