"use strict";
// A caller, a coordinator that keeps its callers under ids, and a socket: each event is a row.
// What comes from outside is put into the page as text only.
(() => {
  const KINDS = /* kinds */ {}; // word, mark and colour of each kind, as in the terminal
  const TIMEOUT = 5000, MAX_ROWS = 500, MAX_FRAME_SHOWN = 300; // milliseconds, rows, characters
  const LANES = { caller: 1 / 6, coordinator: 3 / 6, websocket: 5 / 6 }, WIDTH = 320, HEIGHT = 26;
  const one = (selector) => document.querySelector(selector);
  const rows = one("tbody"), state = one(".connection"), replies = one(".replies");
  const waiting = new Map(), ended = new Map(); // calls by their ids
  let socket, began, lastCall = 0;

  // --- the timeline ---

  const seconds = (milliseconds) => `${(milliseconds / 1000).toFixed(3)} s`;
  const cut = (text) => text.length > MAX_FRAME_SHOWN ? `${text.slice(0, MAX_FRAME_SHOWN)}…` : text;
  const visible = (text) => text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (each) => `\\u{${each.codePointAt(0).toString(16)}}`);
  const quoted = (text) => visible(JSON.stringify(cut(text)));
  const frameText = (data) => typeof data !== "string" ? "a binary frame" : data.startsWith("{") ? visible(cut(data)) : quoted(data);

  function row(kind, call, from, to, message) {
    const now = performance.now();
    began ??= now;
    const { word, mark, colour } = KINDS[kind];
    const row = document.createElement("tr");
    row.className = colour;
    for (const text of [`+${seconds(now - began)}`, call, word]) row.insertCell().textContent = text;
    const lanes = row.insertCell();
    lanes.className = "lanes";
    lanes.title = from === to ? from : `${from} → ${to}`;
    lanes.append(picture(from, to, mark, kind === "reply" || kind === "late" || kind === "duplicate" || kind === "down"));
    row.insertCell().textContent = message;
    rows.append(row);
    while (rows.rows.length > MAX_ROWS) rows.rows[0].remove();
    row.scrollIntoView({ block: "nearest" });
  }

  function shape(svg, name, attributes) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    svg.append(element);
    return element;
  }

  function picture(from, to, mark, answers) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("aria-hidden", "true");
    for (const [lane, place] of Object.entries(LANES)) {
      const x = place * WIDTH, blocked = lane === "caller" && waiting.size > 0;
      shape(svg, "line", { x1: x, x2: x, y1: 0, y2: HEIGHT, class: blocked ? "blocked" : "life" });
    }
    const [x1, x2] = [from, to].map((lane) => LANES[lane] * WIDTH), y = HEIGHT / 2;
    if (from !== to) {
      const back = x2 > x1 ? -9 : 9, end = x2 + back / 2;
      shape(svg, "line", { x1, x2: end, y1: y, y2: y, class: answers ? "arrow dotted" : "arrow" });
      shape(svg, "path", { d: `M${end} ${y}l${back} -5v10z`, class: "head" });
    }
    if (mark) shape(svg, "text", { x: x2, y, class: "mark" }).textContent = mark;
    return svg;
  }

  // --- the socket ---

  function connect() {
    state.textContent = "connecting";
    socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/`);
    socket.onopen = () => {
      state.textContent = "connected";
      row("start", "-", "websocket", "websocket", `connected to ${socket.url}`);
    };
    socket.onmessage = ({ data }) => received(data);
    socket.onclose = closed;
  }

  function closed({ code, reason }) {
    state.textContent = "the connection is closed; the next greeting opens another one";
    row("exit", "-", "websocket", "websocket", `closed with ${code}${reason ? ` ${quoted(reason)}` : ""}`);
    for (const [id, call] of waiting) {
      end(id, call);
      row("down", call.name, "coordinator", "caller", `the connection was closed after ${seconds(call.waited)}`);
    }
  }

  // --- the coordinator: it keeps each caller under the id of its request ---

  function greet(message) {
    const id = ++lastCall;
    const call = { name: `c${id}`, message, asked: performance.now() };
    row("call", call.name, "caller", "coordinator", `greet ${quoted(message)}`);
    waiting.set(id, call);
    const frame = JSON.stringify({ id, message });
    socket.send(frame);
    row("cast", call.name, "coordinator", "websocket", frameText(frame));
    row("noreply", call.name, "coordinator", "coordinator", `caller ${call.name} kept, not answered; ${waiting.size} waiting`);
    call.timer = setTimeout(() => {
      end(id, call);
      row("timeout", call.name, "caller", "caller", `gave up after ${seconds(call.waited)}; nobody is told`);
    }, TIMEOUT);
  }

  function end(id, call) {
    clearTimeout(call.timer);
    call.left = performance.now();
    call.waited = call.left - call.asked;
    waiting.delete(id);
    ended.set(id, call);
    if (ended.size > MAX_ROWS) ended.delete(ended.keys().next().value);
  }

  function received(data) {
    const answer = parsed(data);
    const call = answer && (waiting.get(answer.id) || ended.get(answer.id));
    row("info", call ? call.name : "-", "websocket", "coordinator", frameText(data));
    if (!call) return;
    if (waiting.has(answer.id)) {
      end(answer.id, call);
      call.answered = true;
      row("reply", call.name, "coordinator", "caller", `${quoted(answer.message)}   blocked ${seconds(call.waited)}`);
      const item = document.createElement("li"), time = document.createElement("small");
      time.textContent = ` ${call.name}, after ${seconds(call.waited)}`;
      item.append(visible(answer.message), time);
      replies.append(item);
      while (replies.children.length > MAX_ROWS) replies.firstChild.remove();
    } else {
      const ago = seconds(performance.now() - call.left);
      const why = call.answered ? `${call.name} was answered ${ago} ago` : `caller ${call.name} left ${ago} ago`;
      row(call.answered ? "duplicate" : "late", call.name, "coordinator", "caller", `dropped: ${why}`);
    }
  }

  function parsed(data) {
    try {
      const value = JSON.parse(data);
      return value && typeof value.message === "string" ? value : null;
    } catch {
      return null;
    }
  }

  // --- the form ---

  function greetWhenConnected(messages) {
    const greetAll = () => messages.forEach(greet);
    if (socket.readyState === WebSocket.OPEN) return greetAll();
    if (socket.readyState !== WebSocket.CONNECTING) connect();
    socket.addEventListener("open", greetAll, { once: true });
  }

  const form = one("form"), greeting = form.elements.greeting;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    greetWhenConnected([greeting.value]);
    greeting.select();
  });
  form.elements.five.addEventListener("click", () => {
    greetWhenConnected([1, 2, 3, 4, 5].map((number) => `${greeting.value} ${number}`));
  });
  connect();
})();
