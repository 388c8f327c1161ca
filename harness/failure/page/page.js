"use strict";
(function () {
  // ---- the film, as columns
  var D = JSON.parse(document.getElementById("data").textContent);
  function el(id) { return document.getElementById(id); }
  function sums(a) { var s = 0; return a.map(function (x) { return s += x; }); }
  var N = sums(D.n || []), AT = sums(D.at || []), S = D.strings || [], count = N.length;
  var LANE = D.lane || [], FROM = D.from || [], KIND = D.kind || [], WEIGHT = D.weight || [];
  var LINKED = 3, TOLD = 1;
  var link = new Map(); // number of a moment of the chain: its place, and what it is an effect of
  D.links.forEach(function (l, i) { link.set(l[0], {place: i + 1, from: l[1] || 0}); });

  var ends = new Set(D.ends || []); // lanes of the ending alone

  // place of the first number that is not lower, in ascending ones
  function lower(a, v) {
    var low = 0, high = a.length;
    while (low < high) { var m = (low + high) >> 1; if (a[m] < v) low = m + 1; else high = m; }
    return low;
  }
  // place of the moment of a number, or of the next one that is shown
  function find(n) { return Math.min(lower(N, n), count - 1); }
  function isAt(n) { var i = find(n); return count && N[i] === n ? i : -1; }
  function laneName(i) { return i < 0 ? "" : D.lanes[i][0]; }
  function words(i) { return S[D.words[i]]; }
  function time(i) { return D.timed ? (AT[i] / 1000).toFixed(3) + " ms" : ""; }
  function kindOf(i) { return D.kinds[KIND[i]]; }
  function whose(i) { return LANE[i] < 0 && !D.whole ? "the run" : laneName(kindOf(i) === "lost" && FROM[i] >= 0 ? FROM[i] : LANE[i]); } // what is lost is said of its sender
  function cause(i) { return D.cause[i] ? isAt(N[i] - D.cause[i]) : -1; }

  // ---- what is shown: view has the places of moments, in order
  var view = [], where = new Map(), lanes = [], laneAt = [], step = 18, now = 0;
  var bad = D.bad ? isAt(D.bad) : -1;
  function options(select, list) {
    list.forEach(function (o) { var e = document.createElement("option"); e.value = o[0]; e.textContent = o[1]; select.appendChild(e); });
  }
  var unit = D.unit + "s";
  options(el("show"), [["2", unit + " that matter"], ["3", "the chain alone"], ["1", "without timers and plain messages"], ["0", "all " + unit]]);
  options(el("kind"), [["", "any"]].concat(D.kinds.map(function (k) { return [k, k]; })));
  options(el("node"), [["", "any"]].concat(D.lanes.map(function (l, i) { return [String(i), l[0]]; })));
  var had = [0, 0, 0, 0];
  WEIGHT.forEach(function (w) { for (var k = 0; k <= w; k++) had[k]++; });
  // The lightest that still gives something to look at.
  el("show").value = had[2] > 1 ? "2" : had[1] > 1 ? "1" : "0";

  function refilter(keep) {
    var least = +el("show").value, kind = el("kind").value, node = el("node").value, text = el("words").value.toLowerCase();
    view = [];
    for (var i = 0; i < count; i++) {
      if (i !== bad && i !== keep && WEIGHT[i] < least) continue;
      if (kind && kindOf(i) !== kind) continue;
      if (node !== "" && LANE[i] !== +node && FROM[i] !== +node) continue;
      if (text && words(i).toLowerCase().indexOf(text) < 0) continue;
      view.push(i);
    }
    where.clear();
    var on = {};
    view.forEach(function (i, at) {
      where.set(i, at);
      if (LANE[i] >= 0) on[LANE[i]] = true;
      if (FROM[i] >= 0) on[FROM[i]] = true;
    });
    if (D.wide) D.bands.forEach(function (b) { on[b.lane] = true; });
    (D.named || []).forEach(function (l) { on[l] = true; });
    lanes = []; laneAt = [];
    D.lanes.forEach(function (_, i) { if (on[i]) { laneAt[i] = lanes.length; lanes.push(i); } });
    step = D.wide ? (view.length <= 60 ? 130 : 60) : view.length <= 40 ? 34 : 18;
    el("count").textContent = view.length + " of " + D.of + " " + unit + ", " + lanes.length + " of " + D.lanes.length + " lanes";
    var scrub = el("scrub");
    scrub.max = Math.max(0, view.length - 1);
    drawNames();
    drawn = "";
    go(nearest(keep));
  }
  // nearest place in view to a moment
  function nearest(i) {
    var low = lower(view, i);
    if (low > 0 && (low === view.length || i - view[low - 1] < view[low] - i)) low--;
    return Math.max(0, Math.min(low, view.length - 1));
  }

  // ---- going from moment to moment
  var at = 0;
  // A held key goes on faster than a screen can show: all that is drawn is drawn once a frame.
  function go(place) {
    at = view.length ? Math.max(0, Math.min(place, view.length - 1)) : 0;
    now = view.length ? view[at] : -1;
    later(render);
  }
  var waiting = new Set();
  function later(what) {
    if (!waiting.size) (document.hidden ? setTimeout : requestAnimationFrame)(function () { var all = Array.from(waiting); waiting.clear(); all.forEach(function (f) { f(); }); });
    waiting.add(what);
  }
  function render() {
    if (now < 0) { el("now").textContent = "No " + D.unit + " is shown: choose less in the filters."; el("around").textContent = ""; draw(); return; }
    var scrub = el("scrub"), says = say(now);
    scrub.value = at;
    scrub.setAttribute("aria-valuetext", says);
    var line = el("now");
    line.textContent = "";
    var b = document.createElement("strong"); b.textContent = D.whole ? "" : whose(now) || kindOf(now);
    var s = document.createElement("small"); s.textContent = D.unit + " " + N[now] + (D.timed ? " at " + time(now) : "") + (D.whole ? " " : ", " + kindOf(now) + " ");
    line.append(s, b, " ", words(now));
    line.classList.toggle("bad", now === bad);
    el("opened").hidden = now !== bad;
    el("back").disabled = at === 0;
    el("on").disabled = at === view.length - 1;
    document.querySelectorAll(".links li").forEach(function (li) {
      var a = li.querySelector("a");
      if (a && +a.dataset.n === N[now]) li.setAttribute("aria-current", "step"); else li.removeAttribute("aria-current");
    });
    reveal();
    draw();
    drawAround();
    drawPanel();
    drawGrid();
  }
  function say(i) {
    return D.unit + " " + N[i] + (D.timed ? ", " + time(i) : "") + (D.whole || !whose(i) ? "" : ", " + whose(i)) + ": " + words(i);
  }
  function goTo(n) {
    var i = find(n);
    if (!where.has(i)) { el("kind").value = el("node").value = el("words").value = ""; refilter(i); }
    go(nearest(i));
  }

  // ---- lanes: only what is in sight is drawn
  var HEAD = 26, ROW = 22, SVG = document.createRange().createContextualFragment("<svg></svg>").firstChild.namespaceURI;
  var box = el("lanes"), strip = el("strip"), drawn = "";
  function y(lane) { return HEAD + ROW * laneAt[lane] + ROW / 2; }
  function x(place) { return place * step + step / 2 + 6; }
  function height() { return HEAD + ROW * lanes.length + (D.ending ? 16 : 8); }
  function width() { return view.length * step + (D.wide ? 260 : 140); }
  function drawNames() {
    var names = el("names");
    names.textContent = "";
    names.style.height = height() + "px";
    strip.style.height = height() + "px";
    strip.style.width = width() + "px";
    lanes.forEach(function (i, at) {
      var d = document.createElement("div"), s = document.createElement("span");
      d.style.top = HEAD + ROW * at + "px"; d.style.height = ROW + "px"; d.dataset.lane = i;
      s.textContent = laneName(i); d.appendChild(s);
      if (ends.has(i)) d.className = "scaffold";
      if (D.lanes[i][2]) { var z = document.createElement("span"); z.className = "zone"; z.textContent = D.lanes[i][2]; d.appendChild(z); }
      d.title = laneName(i) + (D.lanes[i][2] ? ", " + D.lanes[i][2] : "");
      names.appendChild(d);
    });
  }
  function reveal() {
    var room = box.clientWidth - el("names").offsetWidth, px = x(at);
    if (px < box.scrollLeft + step || px > box.scrollLeft + room - 2 * step) box.scrollLeft = Math.max(0, px - room / 2);
    if (now >= 0 && LANE[now] >= 0) {
      var py = y(LANE[now]);
      if (py < box.scrollTop + HEAD || py > box.scrollTop + box.clientHeight - ROW) box.scrollTop = Math.max(0, py - box.clientHeight / 2);
    }
  }
  function make(parent, tag, attributes, text) {
    var e = document.createElementNS(SVG, tag);
    for (var k in attributes) e.setAttribute(k, attributes[k]);
    if (text !== undefined) e.textContent = text;
    parent.appendChild(e);
    return e;
  }
  // nearest ancestor that is shown, at most so many steps back
  function shownCause(i) {
    for (var hops = 0; i >= 0 && hops < 50; hops++) { i = cause(i); if (i >= 0 && where.has(i)) return i; }
    return -1;
  }
  function draw() {
    var room = box.clientWidth, first = Math.max(0, Math.floor((box.scrollLeft - 60) / step)), last = Math.min(view.length - 1, Math.ceil((box.scrollLeft + room + 60) / step));
    var key = first + "/" + last + "/" + now;
    if (key === drawn) return;
    drawn = key;
    strip.textContent = "";
    if (!view.length) return;
    var left = Math.max(0, first * step - 40), right = Math.min(width(), last * step + step + 260);
    var svg = make(strip, "svg", {width: right - left, height: height(), viewBox: left + " 0 " + (right - left) + " " + height(), role: "img", "aria-labelledby": "lanes-title lanes-text"});
    svg.style.left = left + "px";
    make(svg, "title", {id: "lanes-title"}, "What happened on which lane, " + unit + " " + N[view[first]] + " to " + N[view[last]]);
    make(svg, "desc", {id: "lanes-text"}, "The table below says the same in words. Now: " + say(now));
    if (D.ending && find(D.ending) >= 0 && N[find(D.ending)] >= D.ending) {
      var end = Math.max(left, x(placeOf(D.ending)) - step / 2);
      if (end < right) {
        make(svg, "rect", {"class": "ending", x: end, y: HEAD - 10, width: right - end, height: height() - HEAD + 6});
        make(svg, "text", {"class": "time", x: end + 4, y: height() - 1}, "the ending of every run");
      }
    }
    var kind = "";
    lanes.forEach(function (i) {
      var k = D.lanes[i][1] + (D.lanes[i][0].indexOf("/") > 0 ? D.lanes[i][0].replace(/\/.*$/, "") : ""); // groups apart
      if (kind && k !== kind) make(svg, "path", {"class": "kind", d: "M" + left + " " + (y(i) - ROW / 2) + "H" + right});
      kind = k;
      make(svg, "path", {"class": "lane", d: "M" + left + " " + y(i) + "H" + right});
    });
    function placeOf(n) { return lower(view, find(n)); } // of a moment of any number, in view
    D.bands.forEach(function (b) {
      var from = x(placeOf(b.from)), to = b.to ? x(placeOf(b.to)) : right;
      if (to < left || from > right || b.lane >= 0 && laneAt[b.lane] === undefined) return;
      var bar = b.kind === "operation" || b.kind === "core" || b.kind === "blamed", tall = bar ? ROW - 4 : 8;
      if (bar && b.to && to === from) return; // none of its moments is shown
      var r = make(svg, "rect", {"class": b.kind, x: Math.max(from, left), y: b.lane < 0 ? HEAD - 8 : y(b.lane) - tall / 2, width: Math.max(3, Math.min(to, right) - Math.max(from, left)), height: b.lane < 0 ? 5 : tall, rx: 2});
      make(r, "title", {}, b.words);
      if (bar && to - from > 30) {
        var room = Math.floor((Math.min(to, right) - Math.max(from, left) - (D.wide ? 14 : 4)) / 6.8), w = b.words;
        make(svg, "text", {x: Math.max(from, left) + (D.wide ? 12 : 4), y: y(b.lane) + 4}, w.length > room ? w.slice(0, Math.max(1, room - 1)) + "…" : w);
      }
    });
    var every = Math.max(1, Math.ceil(90 / step));
    for (var p = first; p <= last; p++) {
      if (p % every === 0) make(svg, "text", {"class": "time", x: x(p) - 4, y: 11}, D.timed ? time(view[p]) : String(N[view[p]]));
    }
    var front = [];
    for (p = first; p <= last; p++) drawMoment(svg, p, front);
    front.forEach(function (f) { f(); });
    if (at >= first && at <= last) {
      make(svg, "path", {"class": "current", d: "M" + x(at) + " 14V" + (height() - 4)});
      if (LANE[now] >= 0) make(svg, "circle", {"class": "currentdot", cx: x(at), cy: y(LANE[now]), r: 10});
    }
  }
  function drawMoment(svg, p, front) {
    var i = view[p], px = x(p), lane = LANE[i], from = FROM[i], k = kindOf(i), m3 = WEIGHT[i] === LINKED ? " m3" : "";
    if (i === bad) {
      make(svg, "path", {"class": "badline", d: "M" + px + " 16V" + (height() - 4)});
      make(svg, "text", {"class": "badtext", x: px + 5, y: 23}, "the bad step");
    }
    if (lane < 0) { make(svg, "path", {"class": "act", d: "M" + px + " 14V" + (height() - 4)}); return; }
    var py = y(lane);
    if (link.has(N[i]) && link.get(N[i]).from) {
      var c = isAt(link.get(N[i]).from);
      if (c >= 0 && where.has(c) && LANE[c] >= 0) {
        var cx = x(where.get(c)), cy = y(LANE[c]);
        make(svg, "path", {"class": "arrow m3", d: cy === py ? "M" + cx + " " + cy + "Q" + (cx + px) / 2 + " " + (cy - ROW) + " " + px + " " + py : "M" + cx + " " + cy + "L" + px + " " + py});
      }
    } else if (k === "message" || k === "request" || k === "reply" || k === "lost") {
      if (from >= 0) {
        var s = shownCause(i), sx = s >= 0 && (LANE[s] === from || cause(i) === s) ? x(where.get(s)) : px - step * .8, sy = y(from);
        var stop = k === "lost" ? .6 : 1;
        make(svg, "path", {"class": "arrow" + m3, d: "M" + sx + " " + sy + "L" + (sx + (px - sx) * stop) + " " + (sy + (py - sy) * stop)});
        if (k === "lost") {
          var lx = sx + (px - sx) * stop, ly = sy + (py - sy) * stop;
          make(svg, "path", {"class": "lost", d: "M" + (lx - 4) + " " + (ly - 4) + "l8 8m0 -8l-8 8"});
        }
      }
    }
    front.push(function () {
      if (m3) {
        make(svg, "circle", {"class": "dot m3" + (i === bad ? " badstep" : ""), cx: px, cy: py, r: 8});
        if (link.has(N[i])) make(svg, "text", {"class": "no", x: px, y: py + 3.5}, String(link.get(N[i]).place));
      } else if (k === "crash") make(svg, "path", {"class": "x", d: "M" + (px - 6) + " " + (py - 6) + "l12 12m0 -12l-12 12"});
      else if (k === "trace" || k === "step") make(svg, "circle", {"class": "dot", cx: px, cy: py, r: WEIGHT[i] > TOLD ? 5 : 3.5});
      else if (k === "start") make(svg, "path", {"class": "dot", d: "M" + (px - 4) + " " + (py - 5) + "l9 5l-9 5z"});
      else if (k === "message" || k === "request" || k === "reply") make(svg, "path", {"class": "head" + m3, d: "M" + (px - 5) + " " + (py - 4) + "l7 4l-7 4z"});
      else if (k !== "lost") make(svg, "path", {"class": "tick", d: "M" + px + " " + (py - 5) + "v10"});
      if (i === bad) make(svg, "circle", {"class": "ring", cx: px, cy: py, r: 12});
      if (k === "crash" && m3) make(svg, "path", {"class": "x", d: "M" + (px - 11) + " " + (py - 11) + "l22 22m0 -22l-22 22"});
    });
  }

  // ---- the same in words
  function drawAround() {
    var body = el("around");
    body.textContent = "";
    for (var p = Math.max(0, at - 6); p <= Math.min(view.length - 1, at + 6); p++) {
      var i = view[p], tr = document.createElement("tr"), a = document.createElement("a");
      a.href = "#e" + N[i]; a.dataset.n = N[i]; a.textContent = N[i];
      if (p === at) tr.setAttribute("aria-current", "true");
      if (i === bad) tr.className = "bad"; else if (D.ending && N[i] >= D.ending && (LANE[i] < 0 || ends.has(LANE[i]) || ends.has(FROM[i]))) tr.className = "ending";
      [[a, ""], D.timed && [time(i), "time"], !D.whole && [whose(i), "lane"], [words(i), ""]].forEach(function (v) {
        if (!v) return;
        var td = document.createElement("td"); td.append(v[0]); td.className = v[1]; tr.appendChild(td);
      });
      body.appendChild(tr);
    }
  }

  // ---- how nodes stand: by lane and field, what it is from which moment on
  function index(rows) {
    var all = D.lanes.map(function () { return new Map(); }), n = 0;
    (rows.n || []).forEach(function (d, k) {
      n += d;
      var fields = all[rows.lane[k]], f = S[rows.field[k]];
      if (!fields.has(f)) fields.set(f, []);
      fields.get(f).push([n, S[rows.value[k]]]);
    });
    return all;
  }
  var says = index(D.states), has = index(D.model);
  function standing(list, n) { // value and since when
    var low = 0, high = list ? list.length : 0;
    while (low < high) { var m = (low + high) >> 1; if (list[m][0] <= n) low = m + 1; else high = m; }
    return low ? list[low - 1] : ["", ""];
  }
  var who = el("who");
  if (who) options(who, [["", "the node of this " + D.unit]].concat(D.lanes.map(function (l, i) { return [String(i), l[0]]; })));
  function drawPanel() {
    if (D.whole) { drawWhole(); return; }
    if (!who) return;
    var lane = who.value === "" ? (LANE[now] >= 0 ? LANE[now] : -1) : +who.value, body = el("panel");
    body.textContent = "";
    el("panel-hint").textContent = "";
    if (lane < 0) { el("panel-hint").textContent = "This " + D.unit + " is of no single node."; return; }
    var fields = [], rows = 0;
    says[lane].forEach(function (_, f) { fields.push(f); });
    has[lane].forEach(function (_, f) { if (fields.indexOf(f) < 0) fields.push(f); });
    fields.forEach(function (f) {
      var a = standing(says[lane].get(f), N[now]), b = standing(has[lane].get(f), N[now]);
      if (a[1] === "" && b[1] === "") return;
      rows++;
      var tr = document.createElement("tr"), th = document.createElement("th");
      th.scope = "row"; th.textContent = f; tr.appendChild(th);
      [[a, says], [b, has]].forEach(function (v) {
        var td = document.createElement("td");
        td.textContent = v[0][1] || (v[1] === says && says[lane].has(f) || v[0][0] !== "" ? "0" : "–");
        if (v[0][1] && v[0][0] === N[now]) td.textContent += " (now)";
        tr.appendChild(td);
      });
      if (says[lane].has(f) && b[0] !== "" && a[1] !== b[1] && (a[1] && b[1] || f !== "is" && f !== "serves")) { tr.className = "differs"; tr.title = "the two differ at this moment"; }
      body.appendChild(tr);
    });
    el("panel-hint").textContent = laneName(lane) + (rows ? ": rows where both say something and differ are marked. What the model has adds up the steps that nodes have told" + (D.refused && N[now] >= D.refused ? ", up to event " + D.refused + ", which it refuses." : ".") : " has told nothing of itself yet.");
  }

  function drawWhole() {
    var body = el("panel");
    body.textContent = "";
    D.lanes.forEach(function (l, i) {
      var v = standing(has[i].get("is"), N[now]);
      if (v[1] === "" && v[0] !== N[now]) return;
      var tr = document.createElement("tr"), th = document.createElement("th"), td = document.createElement("td");
      th.scope = "row"; th.textContent = l[0]; td.textContent = (v[1] || "gone") + (v[0] === N[now] ? " (now)" : "");
      if (v[0] === N[now]) tr.className = "differs";
      tr.append(th, td); body.appendChild(tr);
    });
  }

  // ---- the grid
  var G = D.grid, CN = G ? sums(G.cellN || []) : [], LN = G ? sums(G.lineN || []) : [], ROWS = 20;
  if (G) { G.lsn = sums(G.lsn || []); G.rowFrom = sums(G.rowFrom || []); G.group = G.group || []; }
  function record(row) { return S[G.words[row]]; }
  var cols = [], base = [], done = 0, upTo = -1, top = 0, manual = null;
  function reset() { cols = G.columns.map(function () { return new Map(); }); base = G.columns.map(function () { return 0; }); done = 0; }
  function advance(n) {
    if (n < upTo || !cols.length) reset();
    for (; done < CN.length && CN[done] <= n; done++) {
      var c = G.cell[done], from = G.cellLSN[done], to = from + G.cellTo[done];
      if (G.how[done] === 2) { base[c] = to; continue; }
      for (var l = from; l <= to; l++) if (G.how[done] === 0) cols[c].delete(l); else cols[c].set(l, [G.how[done], G.epoch[done]]);
    }
    upTo = n;
  }
  // who has what stands at an LSN, of those whose group it is
  function holders(row) {
    var names = [], of = 0;
    G.columns.forEach(function (c, i) {
      if (c[1] && G.group[row] && c[1] !== G.group[row]) return;
      of++;
      var held = cols[i].get(G.lsn[row]);
      if (held && held[0] === 1 || !held && G.lsn[row] <= base[i]) names.push(laneName(c[0]));
    });
    return {names: names, of: of};
  }
  function drawGrid() {
    if (!G || now < 0) return;
    var n = N[now];
    advance(n);
    var focus = 0, lines = new Map(), k;
    for (k = 0; k < LN.length && LN[k] <= n; k++) { lines.set(S[G.line[k]], G.lineLSN[k]); focus = G.lineLSN[k]; }
    var lastLine = k ? LN[k - 1] : -1;
    if (done && CN[done - 1] >= lastLine) focus = G.cellLSN[done - 1];
    if (now === bad && D.focus) focus = D.focus;
    var row = 0, rows = 0; // those that are there by now
    while (rows < G.lsn.length && G.rowFrom[rows] <= n) rows++;
    if (!rows) { el("grid").textContent = ""; el("grid-says").textContent = "No record has an LSN yet."; el("lower").disabled = el("higher").disabled = true; return; }
    while (row < rows - 1 && G.lsn[row] < focus) row++;
    if (el("follow").checked || manual === null) {
      if (row < top + 3 || row >= top + ROWS - 3) top = row - Math.floor(ROWS / 2);
    } else top = manual;
    top = Math.max(0, Math.min(top, rows - ROWS));
    manual = top;
    el("lower").disabled = top === 0;
    el("higher").disabled = top + ROWS >= rows;
    var changed = new Set();
    for (k = done - 1; k >= 0 && CN[k] === n; k--) for (var l = G.cellLSN[k]; l <= G.cellLSN[k] + G.cellTo[k]; l++) changed.add(G.cell[k] + "/" + l);
    var t = document.createElement("table"), head = document.createElement("tr"), thead = document.createElement("thead"), body = document.createElement("tbody");
    function th(parent, text, cls) { var e = document.createElement("th"); e.textContent = text; e.scope = "col"; if (cls) e.className = cls; parent.appendChild(e); return e; }
    th(head, "LSN");
    th(head, "on").title = "how many segments of its group have it";
    G.columns.forEach(function (c, i) {
      var l = D.lanes[c[0]], name = l[0].replace(/^[^0-9]* /, ""), e = th(head, name, i && G.columns[i - 1][1] !== c[1] ? "g" : "");
      if (l[2]) { var z = document.createElement("small"); z.textContent = l[2]; e.append(document.createElement("br"), z); }
      e.title = l[0];
    });
    thead.appendChild(head); t.appendChild(thead);
    for (var r = top; r < Math.min(rows, top + ROWS); r++) {
      var lsn = G.lsn[r], tr = document.createElement("tr"), h = document.createElement("th");
      h.scope = "row"; h.textContent = lsn + (G.last[r] ? " (CPL)" : ""); h.title = record(r);
      tr.appendChild(h);
      var tags = [];
      lines.forEach(function (v, name) {
        var next = r + 1 < rows ? G.lsn[r + 1] : Infinity;
        if (v >= lsn && v < next) tags.push(name);
      });
      if (tags.length) { tr.className = "lined"; tags.forEach(function (s) { var g = document.createElement("span"); g.className = "tag"; g.textContent = s; h.appendChild(g); }); }
      if (r === row) tr.classList.add("focus");
      var on = holders(r), sum = document.createElement("td");
      sum.textContent = on.names.length + "/" + on.of;
      tr.appendChild(sum);
      G.columns.forEach(function (c, i) {
        var td = document.createElement("td"), held = cols[i].get(lsn), cls = i && G.columns[i - 1][1] !== c[1] ? "g " : "";
        if (c[1] && G.group[r] && c[1] !== G.group[r]) { td.textContent = "–"; cls += "other"; }
        else if (held && held[0] === 1) { td.textContent = held[1]; cls += "h" + held[1] % 5; td.title = "epoch " + held[1]; }
        else if (held) { td.textContent = "✕"; cls += "gone"; td.title = "had told it, of epoch " + held[1] + ", and does not hold it"; }
        else if (lsn <= base[i]) { td.textContent = "▒"; cls += "image"; td.title = "pages"; }
        if (changed.has(i + "/" + lsn)) cls += " changed";
        if (cls) td.className = cls;
        tr.appendChild(td);
      });
      body.appendChild(tr);
    }
    t.appendChild(body);
    el("grid").replaceChildren(t);
    var here = holders(row);
    var text = "LSN " + G.lsn[row] + (G.group[row] ? ", of group " + G.group[row] : "") + ", is on " + here.names.length + " of " + here.of + (here.names.length ? ": " + here.names.join(", ") : "") + ".";
    lines.forEach(function (v, name) { text += " " + name + ": " + v + "."; });
    text += " The record: " + record(row) + ".";
    el("grid-says").textContent = text;
  }
  if (G) {
    el("lower").onclick = function () { el("follow").checked = false; manual = Math.max(0, top - ROWS + 2); drawGrid(); };
    el("higher").onclick = function () { el("follow").checked = false; manual = top + ROWS - 2; drawGrid(); };
    el("follow").onchange = function () { drawGrid(); };
  }

  // ---- what people do
  document.addEventListener("keydown", function (e) {
    if (e.altKey || e.ctrlKey || e.metaKey) return;
    var t = e.target, tag = t.tagName;
    if (tag === "SELECT" || tag === "TEXTAREA" || tag === "INPUT" && t.type !== "range" && t.type !== "checkbox") return;
    var by = e.shiftKey ? 10 : 1, to = null;
    if (e.key === "ArrowLeft") to = at - by;
    else if (e.key === "ArrowRight") to = at + by;
    else if (e.key === "Home") to = 0;
    else if (e.key === "End") to = view.length - 1;
    else if (e.key === "b" && home >= 0) { e.preventDefault(); goTo(N[home]); return; }
    if (to === null) return;
    e.preventDefault();
    go(to);
  });
  el("scrub").addEventListener("input", function () { go(+this.value); });
  el("back").onclick = function () { go(at - 1); };
  el("on").onclick = function () { go(at + 1); };
  var home = bad >= 0 ? bad : D.opens && D.start ? find(D.start) : -1;
  if (home >= 0) {
    el("to-bad").hidden = false;
    if (home !== bad) { el("to-bad").textContent = D.opens; el("to-bad").className = "opens"; }
    el("to-bad").onclick = function () { goTo(N[home]); };
  }
  ["show", "kind", "node"].forEach(function (id) { el(id).onchange = function () { refilter(now < 0 ? Math.max(bad, 0) : now); }; });
  el("words").oninput = function () { refilter(now < 0 ? Math.max(bad, 0) : now); };
  if (who) who.onchange = drawPanel;
  box.addEventListener("scroll", function () { later(draw); });
  window.addEventListener("resize", function () { drawn = ""; later(draw); });
  strip.addEventListener("click", function (e) {
    var px = e.clientX - strip.getBoundingClientRect().left;
    go(Math.round((px - step / 2 - 6) / step));
  });
  el("names").addEventListener("click", function (e) {
    var d = e.target.closest("[data-lane]");
    if (d && who) { who.value = d.dataset.lane; drawPanel(); }
  });
  document.addEventListener("click", function (e) {
    var a = e.target.closest("a[data-n]");
    if (!a) return;
    e.preventDefault();
    var within = el("film").contains(a);
    goTo(+a.dataset.n);
    if (!within) { el("bar").scrollIntoView({block: "start"}); el("scrub").focus({preventScroll: true}); }
  });

  var first = bad;
  if (first < 0 && D.start) first = find(D.start);
  if (first < 0) first = count - 1;
  refilter(first);
  var asked = /^#e(\d+)$/.exec(location.hash);
  if (asked) goTo(+asked[1]);
})();
