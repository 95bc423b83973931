// A photo with a square that is dragged over it: what the network sees in the square, says of it, and looks at.
import styles from "./predict_photo.css";
import heavySource from "./heavy.js?joined";
import { h, canvas, mount, framed, settled, binding, bytesOf, loader } from "./ui.js";
import { at, paint, paintBytes, largest } from "./colour.js";
import { fixed, percent } from "./numbers.js";
import { arrows, cellUnder, field, probabilityBars, segmented } from "./controls.js";
import { penChoice, pictureStyles } from "./picture_input.js";
import { pictureSources } from "./picture_sources.js";
import { picture } from "./picture.js";
import { networkStore } from "./network_store.js";
import { Background, lastMaps, workerSource } from "./heavy.js";
import { resized } from "./resize.js";

const SIDE = 32;
const ENOUGH = 512; // pixels of a photo's longer side: 32×32 look the same from more
const SMALLEST = 8; // pixels of a crop
const PATCH = 8;
const METHODS = [
  { value: "none", text: "Picture" },
  { value: "Grad-CAM", text: "Grad-CAM" },
  { value: "occlusion", text: "Occlusion" },
];
const DRAGS = [
  { value: "square", text: "Move" },
  { value: "pen", text: "Draw" },
];

/**
 * @param {{model: import("./ui.js").Model, el: HTMLElement, load?: (name: string) => Promise<Uint8Array>}} host
 * @returns {() => void}
 */
export function render({ model, el, load }) {
  const get = load ?? loader(model);
  const { root, colours, say, close } = mount(el, "predict_photo", "Predict a photo", pictureStyles + styles, () => redraw());
  const store = networkStore(get, () => redraw());
  const state = binding(model, { chosen: () => choose(), crop: () => redraw(), method: () => redraw() });
  const names = model.get("names");
  /** @type {{pixels: Uint8ClampedArray, width: number, height: number} | null} RGBA */
  let photo = null;
  let heat = { key: "", values: new Float64Array(0) };
  let seen = new Uint8Array(SIDE * SIDE * 3);
  /** @type {[number, number] | null} the square that the pointer covers in what the network sees */
  let covered = null;
  /** @type {Background | null} */
  let background = null;
  let closed = false;

  // The photo and its square
  const surface = canvas();
  const square = h("div", { class: "cw-frame pp-square" }, h("i", { class: "pp-corner" }));
  const shade = h("div", { class: "pp-shade" });
  const stage = h(
    "div",
    {
      class: "pp-photo cw-picture", tabindex: 0, role: "application", "aria-roledescription": "photo with a square",
      "aria-label": "Photo. Drag the square, or move it with the arrow keys; plus and minus change its size.",
    },
    surface, shade, square,
  );
  const about = h("span");
  let ink = [20, 22, 26];
  let drags = "square";
  const pens = penChoice(rgb => {
    ink = rgb;
  });
  pens.node.hidden = true;
  const purpose = segmented("Dragging", DRAGS, drags, value => {
    drags = value;
    pens.node.hidden = value !== "pen";
  });
  const problem = h("p", { role: "alert", hidden: true });
  const tell = text => {
    problem.textContent = text;
    problem.hidden = !text;
    if (text) say(text);
  };
  const sources = pictureSources({
    target: stage,
    told: tell,
    opened(source, width, height, name) {
      take(source, width, height);
      state.set({ chosen: name });
      if (gallery) gallery.set(name);
    },
  });
  sources.listen(root);
  const gallery = names.length > 1 && segmented(
    "Photos", names.map(value => ({ value, text: value })), model.get("chosen"), value => {
      sources.stop();
      tell("");
      state.set({ chosen: value, crop: [] });
      choose();
    },
  );

  // What the network sees, says, and looks at
  const view = picture("What the network sees. Move over it to cover a part with grey.", {
    rows: SIDE, columns: SIDE, moved: () => {},
  });
  const cover = (row, column) => {
    covered = [row, column];
    redraw();
  };
  view.node.addEventListener("pointermove", event => cover(...cellUnder(view.node, event, SIDE, SIDE)));
  view.node.addEventListener("pointerdown", event => cover(...cellUnder(view.node, event, SIDE, SIDE)));
  arrows(view.node, (down, right) => {
    const [row, column] = covered ?? [SIDE / 2, SIDE / 2];
    const inside = place => Math.max(0, Math.min(SIDE - 1, place));
    cover(inside(row + down), inside(column + right));
  });
  const uncover = () => {
    covered = null;
    redraw();
  };
  for (const event of ["pointerleave", "blur"]) view.node.addEventListener(event, uncover);
  const methods = segmented("Where the network looked", METHODS, model.get("method"), method => {
    state.set({ method });
    redraw();
  });
  const legend = h("span");
  const answer = h("p", { class: "cw-lead" });
  const effect = h("p", { class: "cw-cap pp-effect", role: "status" });
  /** @type {any} */
  let bars = null;
  const classes = h("div");
  root.append(
    h("div", { class: "cw-bar" }, gallery ? gallery.node : h("span"), sources.node),
    problem,
    h(
      "div",
      { class: "pp-row" },
      h("figure", {}, h("div", { class: "cw-head cw-cap" }, h("b", {}, "Photo"), about), stage,
        h("div", { class: "pp-under" }, purpose.node, pens.node)),
      h(
        "figure",
        {},
        h("div", { class: "cw-head cw-cap" }, h("b", {}, "Seen by the network"), legend),
        view.node,
        h("div", { class: "pp-under" }, methods.node),
      ),
      h("div", { class: "pp-says" }, answer, classes, effect),
    ),
    h(
      "div",
      { class: "cw-foot" },
      h("p", { class: "cw-cap" }, "Drop or paste a photo anywhere here. It stays in your browser: only the 32 × 32 pixels go to Python."),
    ),
  );

  // Crops are whole pixels: left, top, side
  function crop() {
    const given = model.get("crop");
    if (given.length === 3) return clipped(...given);
    const side = Math.min(photo.width, photo.height);
    return [Math.floor((photo.width - side) / 2), Math.floor((photo.height - side) / 2), side];
  }
  function clipped(left, top, side) {
    const whole = Math.round(Math.max(SMALLEST, Math.min(photo.width, photo.height, side)));
    const inside = (place, room) => Math.round(Math.max(0, Math.min(room - whole, place)));
    return [inside(left, photo.width), inside(top, photo.height), whole];
  }
  function move(left, top, side) {
    state.set({ crop: clipped(left, top, side) });
    redraw();
  }

  let drag = null;
  let strokes = 0; // tells pictures apart that have the same name and square
  stage.addEventListener("pointerdown", event => {
    if (!photo) return;
    const box = stage.getBoundingClientRect();
    const scale = photo.width / box.width;
    const [x, y] = [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
    const [left, top, side] = crop();
    const reach = 24 * scale;
    const corner = Math.abs(x - left - side) < reach && Math.abs(y - top - side) < reach;
    const within = x >= left && x <= left + side && y >= top && y <= top + side;
    // A press beside the square brings its middle there.
    if (drags === "pen") {
      drag = { pen: true, x, y, box, scale };
      stage.setPointerCapture(event.pointerId);
      stroke(x, y, x, y);
      return;
    }
    const from = corner || within ? [left, top, side] : [x - side / 2, y - side / 2, side];
    drag = { corner, x, y, from, box, scale };
    stage.setPointerCapture(event.pointerId);
    if (!corner && !within) move(...from);
  });
  stage.addEventListener("pointermove", event => {
    if (!drag) return;
    if (drag.pen) {
      const [x, y] = [(event.clientX - drag.box.left) * drag.scale, (event.clientY - drag.box.top) * drag.scale];
      stroke(drag.x, drag.y, x, y);
      [drag.x, drag.y] = [x, y];
      return;
    }
    const dx = (event.clientX - drag.box.left) * drag.scale - drag.x;
    const dy = (event.clientY - drag.box.top) * drag.scale - drag.y;
    const [left, top, side] = drag.from;
    if (!drag.corner) move(left + dx, top + dy, side);
    else move(left, top, Math.min(side + Math.max(dx, dy), photo.width - left, photo.height - top));
  });
  for (const event of ["pointerup", "pointercancel"]) {
    stage.addEventListener(event, () => {
      drag = null;
    });
  }
  const grow = by => {
    const [left, top, side] = crop();
    const next = clipped(left, top, side + by)[2];
    move(left + (side - next) / 2, top + (side - next) / 2, next);
  };
  stage.addEventListener(
    "wheel",
    event => {
      if (!photo || /** @type {ShadowRoot} */ (stage.getRootNode()).activeElement !== stage) return;
      event.preventDefault();
      grow(event.deltaY < 0 ? -8 : 8);
    },
    { passive: false },
  );
  arrows(stage, (down, right) => {
    if (!photo) return;
    const [left, top, side] = crop();
    move(left + right * 2, top + down * 2, side);
  });
  stage.addEventListener("keydown", event => {
    if (!photo || !["+", "-"].includes(event.key)) return;
    event.preventDefault();
    grow(event.key === "+" ? 8 : -8);
  });

  /** A stroke on the photo, a twelfth of the square wide. */
  function stroke(fromX, fromY, x, y) {
    const context = /** @type {CanvasRenderingContext2D} */ (surface.getContext("2d"));
    context.strokeStyle = `rgb(${ink})`;
    context.lineCap = "round";
    context.lineWidth = crop()[2] / 12;
    context.beginPath();
    context.moveTo(fromX, fromY);
    context.lineTo(x + 0.01, y); // a line without length would not be drawn
    context.stroke();
    photo.pixels = context.getImageData(0, 0, photo.width, photo.height).data;
    strokes += 1;
    redraw();
  }

  /** A photo from outside, or one of those that came with the widget. */
  function take(source, width, height) {
    if (Math.min(width, height) < SMALLEST) {
      throw new Error(`The picture has ${width} × ${height} pixels; its shorter side needs ${SMALLEST}.`);
    }
    const shrink = Math.min(1, ENOUGH / Math.max(width, height));
    surface.width = Math.max(1, Math.round(width * shrink));
    surface.height = Math.max(1, Math.round(height * shrink));
    const context = /** @type {CanvasRenderingContext2D} */ (surface.getContext("2d", { willReadFrequently: true }));
    context.fillStyle = "#fff";
    context.fillRect(0, 0, surface.width, surface.height);
    context.imageSmoothingQuality = "high";
    context.drawImage(source, 0, 0, surface.width, surface.height);
    const sameSize = photo?.width === surface.width && photo?.height === surface.height;
    photo = {
      pixels: context.getImageData(0, 0, surface.width, surface.height).data,
      width: surface.width,
      height: surface.height,
    };
    if (!sameSize) state.set({ crop: [] });
    stage.style.aspectRatio = `${photo.width} / ${photo.height}`;
    about.textContent = `${width} × ${height}`;
    redraw();
  }
  async function choose() {
    const place = names.indexOf(model.get("chosen"));
    if (place < 0) return;
    if (gallery) gallery.set(names[place]);
    const bitmap = await createImageBitmap(new Blob([await get(`photo/${place}`)]));
    if (closed || names[place] !== model.get("chosen")) return;
    const kept = model.get("crop");
    take(bitmap, bitmap.width, bitmap.height);
    if (kept.length) move(...kept);
  }

  /** The square's pixels (side, side, 3). */
  function cut([left, top, side]) {
    const pixels = new Uint8Array(side * side * 3);
    for (let y = 0, o = 0; y < side; y++) {
      for (let x = 0, i = ((top + y) * photo.width + left) * 4; x < side; x++, i += 4) {
        pixels[o++] = photo.pixels[i];
        pixels[o++] = photo.pixels[i + 1];
        pixels[o++] = photo.pixels[i + 2];
      }
    }
    return pixels;
  }

  // Where it looked takes many passes, so it follows when the square rests.
  const look = settled(async (key, target) => {
    const method = model.get("method");
    if (method === "none" || heat.key === key || closed) return;
    const network = store.of("weights").network;
    background ??= new Background(workerSource(heavySource), await get("weights"));
    const pixels = seen.slice();
    const result = method === "Grad-CAM"
      ? (await background.run("gradCam", [pixels, lastMaps(network), target])).map
      : (await background.run("occlusion", [pixels, { size: PATCH, stride: 2, target }])).probability;
    heat = { key, values: result };
    redraw();
  }, 60);

  const redraw = framed(() => {
    if (closed || !photo) return;
    const now = crop();
    const [left, top, side] = now;
    const share = (value, of) => `${(value / of) * 100}%`;
    square.style.cssText = shade.style.cssText =
      `left:${share(left, photo.width)};top:${share(top, photo.height)};` +
      `width:${share(side, photo.width)};height:${share(side, photo.height)}`;
    seen = resized(cut(now), side, side, SIDE);
    const { network, problem: failed } = store.of("weights");
    root.setAttribute("aria-busy", String(!network && !failed));
    if (failed) tell(`The network could not be loaded: ${failed}`);
    if (!network) {
      answer.textContent = "Loading the network …";
      paintBytes(view.canvas, seen, SIDE, SIDE);
      return;
    }
    if (!bars) {
      bars = probabilityBars(network.classes);
      classes.append(bars.node);
    }
    const method = model.get("method");
    const whole = [...network.forward(seen).probabilities];
    const best = whole.indexOf(Math.max(...whole));
    const name = network.classes[best];
    let said = whole;
    if (covered) {
      said = [...network.forward(withCover()).probabilities];
      effect.textContent = `Covered here, ${name} gets ${percent(said[best])} instead of ${percent(whole[best])}.`;
    } else effect.textContent = "Point at what the network sees: a grey square covers it there.";
    bars.set(said);
    legend.textContent = method === "none" ? "32 × 32" : `orange: for ${name}`;
    answer.replaceChildren(h("b", {}, name), ` ${percent(whole[best])}`);
    const key = `${model.get("method")} ${best} ${now} ${model.get("chosen")} ${strokes}`;
    show(key);
    look(key, best);
    publish();
    say(`${name} ${percent(whole[best])}. ${covered ? effect.textContent : ""}`);
  });

  /** The picture with the mean colour, which is 0 after normalising, where the pointer is. */
  function withCover() {
    const network = store.of("weights").network;
    const pixels = seen.slice();
    const [row, column] = covered;
    for (let y = Math.max(0, row - PATCH / 2); y < Math.min(SIDE, row + PATCH / 2); y++) {
      for (let x = Math.max(0, column - PATCH / 2); x < Math.min(SIDE, column + PATCH / 2); x++) {
        for (let c = 0; c < 3; c++) pixels[(y * SIDE + x) * 3 + c] = Math.round(network.mean[c] * 255);
      }
    }
    return pixels;
  }
  function show(key) {
    if (covered) {
      paintBytes(view.canvas, withCover(), SIDE, SIDE);
    } else if (model.get("method") !== "none" && heat.key === key) {
      const most = largest(heat.values);
      paint(view.canvas, SIDE, SIDE, i => {
        const grey = 0.175 * ((seen[i * 3] + seen[i * 3 + 1] + seen[i * 3 + 2]) / 3) + 44;
        return at(colours(), heat.values[i] / most).map(value => grey + 0.65 * value);
      });
    } else paintBytes(view.canvas, seen, SIDE, SIDE);
    const [row, column] = covered ?? [0, 0];
    view.mark(row - PATCH / 2, column - PATCH / 2, covered ? PATCH : 0, covered ? PATCH : 0);
  }
  const publish = settled(() => {
    if (!closed) state.set({ seen: new DataView(seen.slice().buffer) });
  }, 120);

  choose();
  return () => {
    closed = true;
    sources.stop();
    background?.close();
    store.close();
    state.close();
    close();
  };
}
