// The course on the web: starts the widgets, questions and exercises of a page, and keeps answers in this browser.
import { LocalModel } from "./ui.js";
import { recordIn } from "./boot.js";

const NEAR = "800px"; // from the window: a widget starts before it is scrolled to
const VEIL = 0x55; // files with answers are written so that nobody reads them by accident
const CARDS = ["questions", "verdict"];

/** @type {Map<string, Promise<Uint8Array>>} */
const files = new Map();

/**
 * A file of the course, fetched once for all widgets of the page.
 * @param {string} name
 */
function fetched(name) {
  if (!files.has(name)) {
    const answer = request(name);
    answer.catch(() => files.delete(name)); // so that it can be asked for again
    files.set(name, answer);
  }
  return /** @type {Promise<Uint8Array>} */ (files.get(name));
}

/** @param {string} name */
async function request(name) {
  const bytes = new Uint8Array(await (await answerOf(`files/${name}`)).arrayBuffer());
  return name.endsWith(".veiled") ? bytes.map(byte => byte ^ VEIL) : bytes;
}

/** @param {string} path beside this script */
async function answerOf(path) {
  const answer = await fetch(new URL(path, import.meta.url));
  if (!answer.ok) throw new Error(`the server has no ${path} (${answer.status})`);
  return answer;
}

/**
 * Lists from an earlier visit, such as the replies to a quiz.
 * @param {string} key
 * @param {string[]} names
 */
function remembered(key, names) {
  let values = null;
  try {
    values = JSON.parse(localStorage.getItem(key) ?? "null");
  } catch {
    // Storage is blocked, or something else wrote there: the reader begins afresh.
  }
  return Object.fromEntries(names.filter(name => Array.isArray(values?.[name])).map(name => [name, values[name]]));
}

/**
 * @param {string} key
 * @param {Record<string, any>} values
 */
function remember(key, values) {
  try {
    localStorage.setItem(key, JSON.stringify(values));
  } catch {
    // Storage is blocked or full: answers last as long as the page.
  }
}

/** Opens the result that a prediction is about: the next one on the page, unless another question comes first. */
function reveal(el) {
  const places = [...document.querySelectorAll('details.reveals, [data-widget="questions"]')];
  const next = places[places.indexOf(el) + 1];
  if (next instanceof HTMLDetailsElement) next.open = true;
}

/** Hints of an exercise, one more each time, as Python gives them. */
function hintsFor(model, load) {
  return async () => {
    const hints = JSON.parse(new TextDecoder().decode(await load("hints")));
    const given = hints.slice(0, model.get("hints").length + 1);
    model.set("hints", given);
    model.set("hints_left", hints.length - given.length);
  };
}

/**
 * Starts the widget at its place. Its record has `state`; `files`, the file of each name that it may load; and `keep`,
 * the traits that are kept under `key` for the next visit.
 * @param {any} el with `data-widget`, the name of its module
 */
async function start(el) {
  const name = el.dataset.widget;
  const record = recordIn(el);
  /** @type {Promise<Uint8Array>[]} */
  const asked = [];
  const load = async file => {
    if (!record.files[file]) throw new Error(`this page has no ${file}`);
    asked.push(fetched(record.files[file]));
    return asked[asked.length - 1];
  };
  const model = new LocalModel({ ...record.state, ...remembered(record.key, record.keep) });
  const save = () => remember(record.key, Object.fromEntries(record.keep.map(kept => [kept, model.get(kept)])));
  for (const kept of record.keep) model.on(`change:${kept}`, save);
  // Another tab of the lesson may have gone on; what it knows is not overwritten by what this one knew.
  const follow = () => Object.entries(remembered(record.key, record.keep)).forEach(([kept, values]) => model.set(kept, values));
  addEventListener("storage", event => event.key === record.key && follow());
  addEventListener("pageshow", event => event.persisted && follow());
  if (name === "verdict") model.send = hintsFor(model, load);
  if (model.get("kind") === "prediction") {
    const committed = () => model.get("replies")[0] && model.get("replies")[0].state !== "open" && reveal(el);
    model.on("change:replies", committed);
    committed();
  }
  const { render } = await import(`./${name}.js`);
  el.model = model;
  el.close = render({ model, el, load });
  await Promise.allSettled(asked);
  await new Promise(requestAnimationFrame); // by then the widget shows what it has loaded
}

/** @param {any} el */
function begin(el) {
  start(el)
    .catch(error => {
      const words = document.createElement("p");
      words.textContent = `This could not be started: ${error.message}. Reload the page.`;
      el.append(words);
    })
    .finally(() => {
      el.style.minHeight = ""; // it kept the place while the widget was loading
    });
}

/** On the start page, *through the network* takes the place of its picture. */
async function startStrip(strip) {
  const record = document.createElement("script");
  record.type = "application/json";
  record.textContent = await (await answerOf("strip.json")).text();
  const place = document.createElement("div");
  place.dataset.widget = "through_the_network";
  place.style.minHeight = `${strip.offsetHeight}px`; // so that the text below does not jump
  place.append(record);
  strip.firstElementChild?.classList.add("course-paper");
  strip.append(place);
  begin(place);
}

const watch = new IntersectionObserver(
  entries => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      watch.unobserve(target);
      begin(target);
    }
  },
  { rootMargin: NEAR },
);
for (const el of document.querySelectorAll("[data-widget]")) {
  // Cards are small and may open what follows them; the others wait, because they load pictures and weights.
  if (CARDS.includes(el.dataset.widget)) begin(el);
  else watch.observe(el);
}
const strip = document.getElementById("live-strip");
if (strip) startStrip(strip).catch(() => {}); // its picture stays
document.documentElement.dataset.booted = "true";
