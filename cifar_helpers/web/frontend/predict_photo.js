// A photo with a square that is dragged over it: what the network sees in the square, says of it, and looks at.
import styles from "./predict_photo.css";
import heavySource from "./heavy.js?joined";
import { h, canvas, framed, settled, binding, bytesOf } from "./ui.js";
import { at, css, largest, paint, paintBytes } from "./colour.js";
import { chance, clamp, fixed } from "./numbers.js";
import { arrows, button, cellUnder, movable, probabilityBars, segmented, stands } from "./controls.js";
import { penChoice, pictureStyles, seenInTheMiddle } from "./picture_input.js";
import { drawOnWhite, pictureSources, squareOf } from "./picture_sources.js";
import { filmstrip, wallStyles } from "./image_wall.js";
import { picture } from "./picture.js";
import { again, afterLoading } from "./loading.js";
import { Network, decode } from "./network.js";
import { Background, lastMaps, withCover, workerSource } from "./heavy.js";
import { resized } from "./resize.js";

const SIDE = 32;
const ENOUGH = 512; // pixels of a photo's longer side: 32×32 look the same from more
const SHEET = 256;
const SMALLEST = 8; // pixels of a crop
const LEAST = 32; // pixels of the screen to which a square can be made smaller
const PATCH = 8; // pixels of the cover's side
const FEWEST = 3; // points of a change that says something about a map
const STRIDE = 4; // from one cover of the occlusion map to the next
const LAST = (SIDE - PATCH) / STRIDE;
const REACH = 20; // pixels of the screen around a corner that catch it
const TAP = 8; // pixels of the screen that a finger moves and still only taps
const IS_TOUCHED = matchMedia("(pointer: coarse)").matches; // up and down a finger scrolls the page
const METHODS = [
  { value: "none", text: "Picture" },
  { value: "Grad-CAM", text: "Grad-CAM" },
  { value: "occlusion", text: "Occlusion" },
];

/** @param {{model: any, el: HTMLElement, load?: (name: string) => Promise<Uint8Array>}} host */
export function render(host) {
  return afterLoading(host, {
    name: "predict_photo", label: "Predict a photo", styles: wallStyles + pictureStyles + styles, files: ["weights"], show,
  });
}

function show(model, { root, colours, say }, [weights], get) {
  const network = new Network(decode(weights));
  const { classes } = network;
  const names = model.get("names");
  const state = binding(model, {
    chosen: () => choose(), crop: () => setCrop(model.get("crop")),
    method: () => cover(null), explained: () => redraw(),
  });
  // The pictures of the row, each as it was left: those of the course and a blank sheet, then the reader's, which nothing
  // takes away.
  const shelf = names.map(fresh);
  let work = fresh(""); // the one that is shown
  let heat = { key: "", values: new Float64Array(0), shades: [] };
  let busy = false; // while heat is being computed
  let seen = new Uint8Array(SIDE * SIDE * 3);
  let covered = null; // the middle of the part of the network's view that is covered
  let pinned = false; // by a click, so that it stays when the mouse leaves
  let spot = [SIDE / 2, SIDE / 2]; // where it was last
  let background = null;
  let empty = true;
  let closed = false;
  let version = 0; // tells pictures apart that have the same name and square

  // The photo and its square
  const surface = canvas();
  const corners = ["nw", "ne", "sw", "se"].map(corner => h("i", { class: `pp-corner pp-${corner}` }));
  const square = h("div", { class: "cw-frame pp-square" }, corners);
  const pen = h("div", { class: "cw-frame pp-nib" }); // where the space bar draws
  const shade = h("div", { class: "pp-shade" });
  const stage = h(
    "div",
    {
      class: "pp-photo cw-picture", ...movable("photo with a square"),
      "aria-label": "Photo or drawing. Drag the square, or move it with the arrow keys; plus and minus change its size. With a pen, arrow keys move it and the space bar draws.",
    },
    surface, h("div", { class: "pp-clip" }, shade), square, pen,
  );
  const about = h("span");
  const hint = h("p", { class: "cw-cap" });
  let step = null; // square and strokes at the start of a gesture, as long as it has changed nothing
  const setInk = value => {
    work.ink = value;
    stage.classList.toggle("pp-pen", Boolean(value));
    redraw();
  };
  const pens = penChoice(setInk, { value: null, text: "Move" });
  let from = null; // where the picture comes from: of a camera there is a new one for each frame
  let restore = () => {}; // what was there before it
  const focusPhoto = () => stage.focus({ preventScroll: true });
  const undo = button("Undo", () => {
    const last = work.before.pop();
    setCrop(last.crop);
    if (!work.before.length) focusPhoto(); // this button goes
    if (last.strokes === work.strokes) return;
    work.strokes = last.strokes;
    repaint();
  });
  const most = button("Largest square", () => {
    begun();
    kept();
    setCrop([]);
    focusPhoto();
  });
  const foot = h("p", { class: "cw-cap" },
    "Drop or paste a photo anywhere here. It stays in your browser",
    model.send ? ": only the 32 × 32 pixels go to Python." : ": the network runs here.");
  const problem = h("p", { class: "pp-problem", role: "alert", hidden: true });
  const tell = text => {
    problem.textContent = text;
    problem.hidden = !text;
  };
  const sources = pictureSources({
    target: stage,
    told: tell,
    opened(source, width, height, name) {
      const now = source === from ? work : added(name);
      from = source;
      take(now, source, width, height);
      // The same file again is the same picture, as it was left.
      const known = sources.isLive() ? now : shelf.find(one => isSame(one.sheet, now.sheet));
      if (known !== now) shelf.pop();
      if (known !== work) state.set({ explained: "" }); // another picture has another top class
      show(known);
    },
    keep() {
      const [last, count] = [work, shelf.length];
      from = null;
      return (restore = () => {
        shelf.length = count;
        show(last);
      });
    },
    stopped: () => redraw(),
  });
  sources.listen(root);
  root.addEventListener("pointerdown", () => tell(""));
  root.addEventListener("keydown", ({ key }) => /^(Tab|Shift|Control|Alt|Meta)$/.test(key) || tell(""));
  const gallery = filmstrip({
    pixels: k => shelf[k].thumbnail,
    name: k => shelf[k].name || "blank sheet",
    chosen(k) {
      const one = shelf[k];
      const leaves = sources.isLive() && one !== work;
      sources.stop();
      if (leaves) restore(); // the picture was not taken
      tell("");
      state.set({ chosen: one.name, crop: one.crop, ...(one === work ? {} : { explained: "" }) });
      choose();
    },
  });

  // What the network sees, says, and looks at
  const view = picture("What the network sees. Move over it to cover a part with grey.", {
    rows: SIDE, columns: SIDE, moved: (...place) => cover(place),
  });
  const cover = place => {
    const inSteps = model.get("method") === "occlusion"; // the map's own covers, so that its colours can be tested
    if (place) spot = place.slice(0, 2).map(k => (inSteps ? nearest(k) * STRIDE + PATCH / 2 : k));
    covered = place && spot;
    pinned &&= Boolean(place);
    view.place(...spot, inSteps ? STRIDE : 1);
    redraw();
  };
  view.node.addEventListener("pointermove", event => {
    if (!pinned) cover(cellUnder(view.node, event, SIDE, SIDE));
  });
  // A finger hides what it covers: there the cover stays until something else is touched.
  view.node.addEventListener("pointerleave", event => {
    if (event.pointerType === "mouse" && !pinned) cover(null);
  });
  // A second tap or click on the cover takes it off.
  /** @type {number[] | null} */
  let tapped = null;
  view.node.addEventListener("pointerdown", event => {
    const isKept = pinned || event.pointerType !== "mouse";
    const place = isKept && covered && cellUnder(view.node, event, SIDE, SIDE);
    tapped = place && hidden(place[0] * SIDE + place[1]) ? [event.clientX, event.clientY] : null;
  }, true);
  view.node.addEventListener("pointerup", event => {
    if (tapped && Math.hypot(event.clientX - tapped[0], event.clientY - tapped[1]) < TAP) return cover(null);
    if (event.pointerType === "mouse" && !event.button) pinned = true;
    redraw();
  });
  view.node.addEventListener("focus", () => redraw());
  view.node.addEventListener("blur", () => {
    if (!pinned) cover(null);
  });
  root.addEventListener("keydown", event => {
    if (event.key === "Escape") cover(null);
  });
  const offered = METHODS.filter(one => one.value !== "Grad-CAM" || lastMaps(network) >= 0);
  const methods = segmented("Where the network looked", offered, model.get("method"), method => {
    state.set({ method });
    cover(null);
  });
  const legend = h("p", { class: "cw-cap" });
  const answer = h("p", { class: "cw-lead" });
  const whole = h("p", { class: "cw-cap", role: "status" });
  const bars = probabilityBars(classes);
  let leading = 0; // the class with the largest probability, nothing covered
  let target = 0; // the class that is explained: it, or the one chosen by its bar
  const explain = k => {
    state.set({ explained: k === leading ? "" : classes[k] });
    if (model.get("method") !== "none") return redraw();
    state.set({ method: offered[1].value });
    cover(null);
  };
  const press = k => explain(model.get("method") !== "none" && classes[k] === model.get("explained") ? leading : k);
  for (const [name, value] of Object.entries(movable("class to explain"))) bars.node.setAttribute(name, value);
  bars.node.addEventListener("pointermove", event => { // which row a click takes
    bars.node.style.setProperty("--pp-row", String(cellUnder(bars.node, event, classes.length, 1)[0]));
  });
  bars.node.addEventListener("click", event => press(cellUnder(bars.node, event, classes.length, 1)[0]));
  bars.node.addEventListener("keydown", event => {
    if (event.key === "Escape" && model.get("method") !== "none") explain(leading);
    if (![" ", "Enter"].includes(event.key)) return;
    event.preventDefault();
    press(target);
  });
  arrows(bars.node, (down, right) => explain(clamp(target + down + right, 0, classes.length - 1)));
  const learned = model.get("photographs") ? "learned from photographs, not drawings, and " : "";
  const only = h("p", { class: "cw-cap pp-only" });
  const says = h("div", { class: "pp-says" }, answer, bars.node, whole);
  const looked = h("b");
  const cells = h("span", {}, "32 × 32");
  const figure = (title, aside, box, controls, ...notes) =>
    h(
      "figure", {}, h("div", { class: "cw-head cw-cap" }, title, aside), box,
      h("div", { class: "pp-under" }, controls), h("div", { class: "pp-notes" }, notes),
    );
  root.append(
    h("div", { class: "cw-bar" }, gallery.node, h("div", { class: "pp-open" }, sources.node, problem)),
    h(
      "div", { class: "pp-row" },
      figure(h("b", {}, "Photo or drawing"), about, h("div", { class: "pp-box" }, stage), pens.node, hint, h("div", { class: "pp-steps" }, undo, most)),
      figure(looked, cells, view.node, methods.node, legend),
      says, only,
    ),
    h("div", { class: "cw-foot" }, foot),
  );

  // Crops are whole pixels: left, top, side
  function largestCrop() {
    const { width, height } = surface;
    const side = Math.min(width, height);
    return clipped((width - side - 1) / 2, (height - side - 1) / 2, side);
  }
  function crop() {
    const given = model.get("crop");
    return given.length ? clipped(...given) : largestCrop();
  }
  function clipped(left, top, side, least = SMALLEST) {
    const { width, height } = surface;
    const whole = Math.round(Math.min(width, height, Math.max(least, side)));
    const inside = (place, room) => Math.round(clamp(place, 0, room - whole));
    return [inside(left, width), inside(top, height), whole];
  }
  /** Pixels of the photo to one of the screen. */
  const scale = () => surface.width / (stage.clientWidth || surface.width);
  const least = () => Math.max(SMALLEST, LEAST * scale());
  function move(left, top, side) {
    const next = clipped(left, top, side, least());
    if (crop().every((value, k) => value === next[k])) return;
    kept();
    setCrop(next);
  }
  function setCrop(crop) {
    work.crop = crop;
    state.set({ crop });
    redraw();
  }
  function begun() {
    step = { crop: work.crop, strokes: work.strokes };
  }
  function kept() {
    if (step) work.before.push(step);
    step = null;
  }

  // The pen: as wide as a twelfth of the square; keys move it by a pixel of what the network sees.
  let spotOfPen = [0.5, 0.5]; // as shares of the square
  const nib = () => crop()[2] / 12;
  const nibAt = () => spotOfPen.map((share, k) => crop()[k] + share * crop()[2]);

  // A drag moves the square by `grip`, spans it from `anchor`, or draws the line `stroke`.
  let drag = null;
  const isFull = side => side === surface.width && side === surface.height;
  const under = event => {
    const box = stage.getBoundingClientRect();
    return [(event.clientX - box.left) * scale(), (event.clientY - box.top) * scale()];
  };
  function grasp([x, y]) {
    if (work.ink) return { stroke: { ink: work.ink, wide: nib(), points: [] } };
    const [left, top, side] = crop();
    const within = x >= left && x <= left + side && y >= top && y <= top + side;
    const reach = Math.min(REACH * scale(), within ? side / 3 : Infinity); // a small square has a middle, too
    for (const [cx, cy] of [[left, top], [left + side, top], [left, top + side], [left + side, top + side]]) {
      if (Math.hypot(x - cx, y - cy) < reach) return { anchor: [2 * left + side - cx, 2 * top + side - cy] };
    }
    // Outside the square a drag spans a new one, and inside one that cannot be moved.
    return within && !isFull(side) ? { grip: [x - left, y - top] } : { anchor: [x, y] };
  }
  function follow([x, y]) {
    if (drag.stroke) {
      draw(drag.stroke, [x, y]);
    } else if (drag.grip) {
      move(x - drag.grip[0], y - drag.grip[1], crop()[2]);
    } else {
      const [ax, ay] = drag.anchor;
      const far = Math.max(Math.abs(x - ax), Math.abs(y - ay));
      if (far < SMALLEST) return;
      const side = Math.round(Math.min(Math.max(far, least()), x < ax ? ax : surface.width - ax, y < ay ? ay : surface.height - ay));
      move(x < ax ? ax - side : ax, y < ay ? ay - side : ay, side);
    }
  }
  stage.addEventListener("pointerdown", event => {
    if (event.button || !event.isPrimary) return;
    stage.setPointerCapture(event.pointerId);
    drag = grasp(under(event));
    begun();
    if (!drag.anchor) follow(under(event));
  });
  stage.addEventListener("pointermove", event => {
    if (drag && event.isPrimary) follow(under(event));
  });
  stage.addEventListener("lostpointercapture", () => (drag = null));
  stage.addEventListener("pointercancel", event => { // a swipe that scrolls the page changes nothing
    if (!event.isPrimary || !drag || step) return;
    const { crop: before, strokes } = work.before.pop();
    work.strokes = strokes;
    setCrop(before);
    repaint();
  });
  stage.addEventListener("keydown", event => {
    if (event.key === "z" && (event.ctrlKey || event.metaKey)) return undo.click();
    if (!event.repeat) begun(); // a key that is held down is one step
    if (work.ink && [" ", "Enter"].includes(event.key)) {
      event.preventDefault();
      draw({ ink: work.ink, wide: nib(), points: [] }, nibAt());
    }
    const by = { "+": 8, "-": -8 }[event.key];
    if (!by) return;
    event.preventDefault();
    const [left, top, side] = crop();
    const next = clipped(left, top, side + by, least())[2];
    move(left + (side - next) / 2, top + (side - next) / 2, next);
  });
  // Its keys are said while it has the focus.
  for (const event of ["focus", "blur"]) stage.addEventListener(event, () => redraw());
  arrows(stage, (down, right) => {
    const [left, top, side] = crop();
    if (work.ink) {
      spotOfPen = [right, down].map((by, k) => clamp(spotOfPen[k] + by / SIDE, 0, 1));
      return redraw();
    }
    move(left + right * 2, top + down * 2, side);
  });

  function draw(stroke, point) {
    if (!stroke.points.length) {
      sources.stop();
      from = null;
      kept();
      work.strokes = [...work.strokes, stroke];
      if (!work.name) {
        work.name = about.textContent = work.words = numbered("a drawing");
        state.set({ chosen: work.name });
        blank();
      }
    }
    stroke.points.push(point);
    line(stroke, stroke.points.length - 1);
    changed();
  }
  /** The part of a stroke that ends at a point. */
  function line({ ink, wide, points }, k) {
    const pen = surface.getContext("2d");
    const [[fromX, fromY], [x, y]] = [points[Math.max(0, k - 1)], points[k]];
    pen.strokeStyle = `rgb(${ink})`;
    pen.lineCap = "round";
    pen.lineWidth = wide;
    pen.beginPath();
    pen.moveTo(fromX, fromY);
    pen.lineTo(x + 0.01, y); // a line without length would not be drawn
    pen.stroke();
  }
  function repaint() {
    drawOnWhite(surface, work.sheet, work.sheet.width, work.sheet.height);
    for (const stroke of work.strokes) stroke.points.forEach((_, k) => line(stroke, k));
    changed();
  }
  function changed() {
    version += 1;
    redraw();
  }

  /** A name that no other picture has. */
  function numbered(name) {
    const count = shelf.filter(one => one.name.replace(/ \d+$/, "") === name).length;
    return count ? `${name} ${count + 1}` : name;
  }
  function added(name) {
    const one = fresh(name && numbered(name));
    shelf.push(one);
    return one;
  }
  /** A sheet to draw on. */
  function blank() {
    const sheet = added("");
    take(sheet, null, SHEET, SHEET, "blank sheet");
    sheet.thumbnail = new Uint8Array(SIDE * SIDE * 3).fill(255);
    return sheet;
  }
  function take(one, source, width, height, words = `${width} × ${height}`) {
    const shrink = Math.min(1, Math.max(ENOUGH / Math.max(width, height), SIDE / Math.min(width, height)));
    const size = [width, height].map(side => Math.max(1, Math.round(side * shrink)));
    if (String(size) !== String([one.sheet.width, one.sheet.height])) one.crop = [];
    drawOnWhite(one.sheet, source, size[0], size[1]);
    Object.assign(one, { words, shrunk: width / size[0], start: null });
  }
  function show(one) {
    const { width, height } = one.sheet;
    if (one !== work) {
      step = null;
      cover(null);
    }
    work = one;
    empty = false;
    stage.style.aspectRatio = `${width} / ${height}`;
    stage.style.width = `${Math.min(1, width / height) * 100}%`;
    about.textContent = one.words;
    pens.set(one.ink);
    setInk(one.ink);
    if (!one.name) pens.buttons[1].click();
    state.set({ chosen: one.name });
    repaint();
    setCrop(one.crop);
  }
  const bitmapOf = async k => createImageBitmap(new Blob([await get(`photo/${k}`)]));
  async function choose() {
    const name = model.get("chosen");
    const one = shelf.find(each => each.name === name);
    if (!one || one === work) return redraw();
    try {
      const bitmap = one.words ? null : await bitmapOf(names.indexOf(name));
      if (closed || name !== model.get("chosen")) return;
      const square = model.get("crop");
      if (bitmap) take(one, bitmap, bitmap.width, bitmap.height, names.length > 1 ? name : undefined);
      show(one);
      if (square.length) move(...square);
    } catch (error) {
      tell(`The photo could not be loaded: ${error.message}. ${again(model)}`);
    }
  }
  async function begin() {
    const name = model.get("chosen");
    const sheet = blank();
    view.place(...spot);
    if (names.includes(name)) await choose();
    else if (name) {
      // Of a photo that was opened, a stored page has what the network saw.
      const small = canvas();
      paintBytes(small, bytesOf(model.get("seen")), SIDE, SIDE);
      const one = added(name);
      take(one, small, SIDE, SIDE);
      show(one);
    } else show(sheet);
    for (const [k, one] of names.length > 1 ? [...shelf.entries()].slice(0, names.length) : []) {
      if (closed) return;
      const bitmap = await bitmapOf(k);
      one.thumbnail ??= seenInTheMiddle(bitmap, bitmap.width, bitmap.height);
      redraw();
    }
  }

  // Where it looked takes many passes, so it follows when the square rests.
  const look = settled(async (key, method, target) => {
    if (busy || closed || method === "none" || heat.key === key) return;
    busy = true;
    background ??= new Background(workerSource(heavySource), weights);
    const pixels = seen;
    const args = method === "occlusion"
      ? ["occlusion", [pixels, { size: PATCH, stride: STRIDE, target }]]
      : ["gradCam", [pixels, lastMaps(network), target]];
    const { map, probability } = await background.run(...args).finally(() => {
      busy = false;
    });
    heat = { key, values: map ?? byNearest(probability), shades: shadesOf(pixels) };
    redraw(); // asks for the next where the picture is another by now; those in between are left out
  }, 60);
  const publish = settled(() => {
    if (!closed) state.set({ seen: new DataView(seen.buffer) });
  }, 120);

  const redraw = framed(() => {
    if (closed || empty) return;
    if (work.drawn !== version) Object.assign(work, { thumbnail: seenInTheMiddle(surface, surface.width, surface.height), drawn: version });
    gallery.set(shelf.findIndex(one => one.name === model.get("chosen")), shelf.length);
    methods.set(model.get("method"));
    const now = crop();
    undo.disabled = !work.before.length;
    const isLargest = largestCrop().every((value, k) => value === now[k]);
    most.disabled = isLargest;
    const drags = isFull(now[2]) ? "Drag a corner to crop the picture."
      : `Drag the square or a corner, or drag ${IS_TOUCHED ? "sideways " : ""}outside for a new one.`;
    const draws = sources.isLive()
      ? "Drag to draw, which takes the picture."
      : "Drag to draw. The network sees only the square; choose Move to drag it.";
    square.classList.toggle("pp-full", isFull(now[2]));
    const keys = work.ink ? "Arrows move the pen, Space draws, Ctrl+Z undoes." : "Arrows move the square, + and − change its size, Ctrl+Z undoes.";
    hint.textContent = stage.matches(":focus-visible") ? keys : work.ink ? draws : drags;
    square.classList.toggle("pp-small", now[2] < 2 * least());
    const [left, top, side] = now;
    const inPhoto = pixels => Math.round(pixels * work.shrunk); // of the file, whose size is in the heading
    const stood = work.ink
      ? `pen at row ${Math.round(spotOfPen[1] * SIDE)}, column ${Math.round(spotOfPen[0] * SIDE)}`
      : `from ${inPhoto(left)} across and ${inPhoto(top)} down, ${inPhoto(side)} pixels wide`;
    stands(stage, left, surface.width - side, stood);
    const share = (value, of) => `${(value / of) * 100}%`;
    square.style.cssText = shade.style.cssText =
      `left:${share(left, surface.width)};top:${share(top, surface.height)};` +
      `width:${share(side, surface.width)};height:${share(side, surface.height)}`;
    pen.hidden = !work.ink || !stage.matches(":focus-visible");
    const [penX, penY] = nibAt().map(at => at - nib() / 2);
    pen.style.cssText = `left:${share(penX, surface.width)};top:${share(penY, surface.height)};width:${share(nib(), surface.width)};height:${share(nib(), surface.height)}`;
    const best = list => list.indexOf(Math.max(...list));
    const asked = (sheet, [x, y, side]) => {
      const pixels = resized(squareOf(sheet, x, y, side), side, side, SIDE);
      return [[...network.forward(pixels).probabilities], pixels];
    };
    work.start ??= asked(work.sheet, largestCrop())[0];
    const [all, pixels] = asked(surface, now);
    seen = pixels;
    leading = best(all);
    const asksFor = classes.indexOf(model.get("explained"));
    target = asksFor < 0 ? leading : asksFor;
    const corner = covered?.map(place => place - PATCH / 2);
    const said = covered
      ? [...network.forwardPlanes(withCover(network.input, network.layers[0].shape, corner, PATCH)).probabilities] : all;
    // What covering changes, or else what the square and the pens have changed.
    const earlier = covered ? all : work.start;
    const same = earlier.every((share, k) => share === said[k]);
    bars.set(said, same ? undefined : earlier);
    answer.replaceChildren(h("b", {}, classes[best(said)]), ` ${chance(said[best(said)])}`);
    const led = best(earlier);
    const then = chance(earlier[led]).replace(" ", "\u00a0");
    const past = `${covered ? "Uncovered" : startOf(isLargest)}: ${classes[led]} ${then}`;
    whole.replaceChildren(...(same ? [] : [h("i", { class: "pp-tick" }), past]));
    says.classList.toggle("pp-covered", Boolean(covered));
    const method = model.get("method");
    const isExplained = k => k === target && method !== "none";
    classes.forEach((_, k) => bars.node.children[3 * k].classList.toggle("pp-why", isExplained(k)));
    const named = method === "none" ? "none explained" : `${classes[target]} explained, ${chance(all[target])}`;
    stands(bars.node, target, classes.length - 1, named);
    only.textContent = [
      asksFor >= 0 && method !== "none"
        ? `Choose ${classes[target]} again to return to the top class.` : "Choose a class to see what speaks for it.",
      work.name
        ? `The network ${learned}must choose one of these, even if none fits: try the blank sheet.`
        : "Nothing is drawn here, and still the network must choose one of these.",
      "Percentages are rounded.",
    ].join(" ");
    const key = `${method} ${target} ${now} ${model.get("chosen")} ${version}`;
    const isFresh = heat.key === key;
    drawView(isFresh);
    looked.textContent = headingOf(isFresh ? method : "none", classes[target]);
    cells.hidden = isFresh && method !== "none"; // a map is coarser
    const wait = sources.isLive() ? "Take the picture to see where the network looks." : "Computing …";
    legend.replaceChildren(...(isFresh || method === "none" ? legendOf(method, target, all, said) : [wait]));
    look(key, method, target);
    publish();
    say(`${answer.textContent}. ${whole.textContent}${covered && isFresh ? `. ${legend.lastChild.textContent}` : ""}`);
  });

  /** What the answer is compared with: the largest square without the strokes. */
  function startOf(isLargest) {
    const square = surface.width === surface.height ? "Whole picture" : "Largest square";
    if (!work.strokes.length) return square;
    return isLargest ? "Before drawing" : `${square}, undrawn`;
  }

  function headingOf(method, name) {
    if (method === "none") return "Seen by the network";
    return method === "occlusion" ? `Effect of a cover on ${name}` : `Grad-CAM for ${name}`;
  }

  function legendOf(method, target, all, said) {
    const keyed = view.node.matches(":focus-visible") && "Arrows move a grey cover, Escape takes it off.";
    const point = IS_TOUCHED
      ? "Touch it to cover a part with grey, and again to uncover it."
      : pinned ? "Click the cover again, or press Escape, to take it off."
        : "Point at it to cover a part with grey; a click keeps the cover there.";
    if (method === "none") return [keyed || point];
    const name = classes[target];
    const [low, high] = [Math.min(0, ...heat.values), Math.max(0, ...heat.values)];
    const limit = largest(heat.values);
    const isMap = method === "Grad-CAM";
    // Evidence grows to the right; what a cover changes does so, too, which is less where it counts for the class.
    const [from, to] = isMap ? [-limit, limit] : [high, low];
    const place = value => `left:${(100 * (value - from)) / (to - from || 1)}%`;
    const stops = Array.from({ length: 17 }, (_, k) => css(at(colours(), (from + ((to - from) * k) / 16) / limit)));
    const ramp = h("i", { class: "pp-ramp", style: `background:linear-gradient(to right,${stops})` });
    if (isMap || low < 0) ramp.append(h("i", { class: "pp-zero", style: place(0) }));
    // Of the percentages as the bars show them, so that they add up.
    const change = share => Math.round(100 * share) - Math.round(100 * all[target]);
    const gains = low < 0 ? `gains ${change(all[target] - low)} points` : "0 points";
    const ends = isMap ? ["against", `for ${name}`] : [`loses ${-change(all[target] - high)}`, gains];
    const scale = h("span", { class: "pp-scale" }, ends[0], ramp, ends[1]);
    const caution = isMap ? "Relative evidence in the last feature maps: a hint." : "A grey square itself is new to the network.";
    const shown = !keyed && !isMap && costs();
    if (!covered) return [scale, shown || `${caution} ${keyed || "Cover a part to test it."}`];
    const under = mean(heat.values.filter((_, i) => (isMap ? hidden(i) : i === covered[0] * SIDE + covered[1])));
    ramp.append(h("i", { class: "pp-tick", style: place(under) }));
    const now = change(said[target]);
    const found = `${name} ${now > 0 ? "+" : ""}${fixed(now, 0)} points.`;
    return [scale, isMap ? `This cover: ${found} ${comparison(under / limit, now)}` : `This cell’s cover: ${found} ${caution}`];
  }

  /** Row and column of the cover that costs the class most, of those of the occlusion map; none if it costs little. */
  function costliest() {
    const most = Math.max(...heat.values);
    const i = heat.values.indexOf(most);
    return 100 * most < FEWEST ? null : [Math.floor(i / SIDE), i % SIDE].map(nearest);
  }

  /** What that cover shows, if there is one. */
  function costs() {
    const place = costliest();
    if (!place) return "";
    const part = place.map(k => Math.floor((k + 1) / 3)); // of the 7 covers, 2 are at each side
    const [row, column] = [["top", "middle", "bottom"][part[0]], ["left", "middle", "right"][part[1]]];
    const where = row === column ? row : `${row} ${column}`;
    return `Largest loss: ${where} (framed). The network needs what is there, or the grey square misleads it.`;
  }

  /** Whether a pixel is covered. */
  function hidden(i) {
    const apart = [Math.floor(i / SIDE), i % SIDE].map((place, k) => Math.abs(place + 0.5 - covered[k]));
    return Math.max(...apart) < PATCH / 2;
  }

  /** The picture, or its outlines on the colours of what counts for the class and against it; a cover takes them away. */
  function drawView(isHeat) {
    const limit = largest(heat.values);
    // Which is 0 after normalising.
    const blank = Array.from(network.mean, value => Math.round(value * 255));
    paint(view.canvas, SIDE, SIDE, i => {
      const isHidden = covered && hidden(i);
      if (!isHeat) return isHidden ? blank : seen.subarray(i * 3, i * 3 + 3);
      const shade = isHidden ? 0 : heat.shades[i]; // a cover hides the picture: what the map says there is compared
      return at(colours(), heat.values[i] / limit).map(colour => colour + shade * (shade > 0 ? 255 - colour : colour));
    });
    if (!covered) view.node.setAttribute("aria-valuetext", "nothing covered");
    const worst = isHeat && model.get("method") === "occlusion" && costliest();
    const framed = covered?.map(place => place - PATCH / 2) ?? (worst && worst.map(k => k * STRIDE));
    const [row, column] = framed || [0, 0];
    view.mark(row, column, framed ? PATCH : 0, framed ? PATCH : 0);
  }

  begin();
  return {
    recolour: redraw,
    close() {
      closed = true;
      sources.stop();
      background?.close();
      state.close();
    },
  };
}

/** A picture that is not there yet, and what the reader does to it. */
function fresh(name) {
  return {
    name, sheet: canvas(), words: "", thumbnail: /** @type {any} */ (undefined), drawn: 0,
    crop: [], strokes: [], before: [], ink: null, start: null, shrunk: 1,
  };
}

/**
 * How far each pixel goes from a map's colour to black (−1) or to white (1), so that the picture is recognised under it:
 * by its outlines. On an area, whether bright or dark, a number looks alike.
 */
function shadesOf(pixels) {
  // The channel with the clearest outlines: in another two areas may be equally bright.
  const channels = [0, 1, 2].map(c => [...pixels].filter((_, k) => k % 3 === c));
  const outlines = list => list.reduce((sum, value, i) => sum + Math.abs(value - list[Math.max(0, i - 1)]), 0);
  const [best] = channels.sort((a, b) => outlines(b) - outlines(a));
  const near = place => [-2, -1, 0, 1, 2].map(by => clamp(place + by, 0, SIDE - 1));
  return best.map((value, i) => {
    const around = near(Math.floor(i / SIDE)).flatMap(row => near(i % SIDE).map(column => best[row * SIDE + column]));
    return (1.5 * (value - mean(around))) / 255;
  });
}

/** @param {number[] | Float64Array} values */
const mean = values => values.reduce((a, b) => a + b) / values.length;

/** What a map says of the part under a cover, by its mean there, and whether the points that the class wins say so, too. */
function comparison(under, points) {
  if (Math.abs(under) < 0.05) return "The map’s mean here is near 0.";
  const says = `The map’s mean: “${under > 0 ? "for" : "against"}”`;
  if (Math.abs(points) < FEWEST) return `${says}; the cover hardly matters.`;
  return `${says}; they ${under * points < 0 ? "agree" : "disagree"}.`;
}

/** Whether two pictures have the same pixels. @param {HTMLCanvasElement} one @param {HTMLCanvasElement} other */
const isSame = (one, other) => one.toDataURL() === other.toDataURL();

/** Which cover of the occlusion map has its middle next to a row or a column. */
function nearest(place) {
  return clamp(Math.floor((place - (PATCH - STRIDE) / 2) / STRIDE), 0, LAST);
}

/** For each pixel the value of the cover whose middle is next to it. */
function byNearest(values) {
  return Float64Array.from({ length: SIDE * SIDE }, (_, i) => (
    values[nearest(Math.floor(i / SIDE)) * (LAST + 1) + nearest(i % SIDE)]
  ));
}
