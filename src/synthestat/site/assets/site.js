// What a site's pages do beyond being read: tables that filter and sort, documents that unfold, the
// map's choice of variables, and pictures to be explored. Everything shown is set as text.
(() => {
  "use strict";
  const handed = new Map();
  const waiting = new Map();

  window.synthestatData = (name, value) => {
    handed.set(name, value);
    (waiting.get(name) || []).forEach((use) => use(value));
    waiting.delete(name);
  };

  const whenHanded = (name, use) => {
    if (handed.has(name)) use(handed.get(name));
    else waiting.set(name, [...(waiting.get(name) || []), use]);
  };

  const make = (tag, properties = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [key, value] of Object.entries(properties)) {
      if (key in element) element[key] = value;
      else element.setAttribute(key, value);
    }
    element.append(...children);
    return element;
  };

  const number = new Intl.NumberFormat(document.documentElement.lang || "en", { maximumFractionDigits: 6 });
  const shown = (value, column) => {
    if (value === null || value === undefined) return "–";
    return column.number ? number.format(value) : String(value);
  };

  // A spreadsheet runs a cell that begins like a formula: an apostrophe keeps it text.
  const formula = /^[\s\ufeff\u200b-\u200f\u202a-\u202e\u2066-\u2069]*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]/;
  const csvCell = (value) => {
    if (value === null || value === undefined) return "";
    if (typeof value === "number") return String(value);
    const text = Array.isArray(value) ? value.join(" | ") : String(value);
    const still = formula.test(text) ? `'${text}` : text;
    return /[",\r\n]/.test(still) ? `"${still.replaceAll('"', '""')}"` : still;
  };
  const download = (name, text, type) => {
    const address = URL.createObjectURL(new Blob([text], { type }));
    make("a", { href: address, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 1000);
  };

  // Tables -----------------------------------------------------------------------------------------

  const PAGE = 50;

  const buildTable = (place, data) => {
    const columns = data.columns;
    const value = (column, row) =>
      column.words ? column.words[column.values[row]] : column.values[row];
    const all = Array.from({ length: data.rows }, (_, row) => row);
    const state = { text: "", chosen: {}, by: null, down: true, page: 0, rows: all };
    const wanted = new URLSearchParams(location.hash.slice(1));

    const status = make("p", { className: "note", role: "status" });
    const body = make("tbody");
    const pager = make("p", { className: "pager" });
    const controls = make("div", { className: "controls" });

    const texts = all.map((row) =>
      columns.map((column) => (column.number ? "" : String(value(column, row) ?? ""))).join("\u0001").toLowerCase());

    const apply = () => {
      const words = state.text.toLowerCase().split(/\s+/).filter(Boolean);
      state.rows = all.filter((row) =>
        words.every((word) => texts[row].includes(word)) &&
        columns.every((column) => !state.chosen[column.id] || String(value(column, row)) === state.chosen[column.id]));
      if (state.by) {
        const sign = state.down ? -1 : 1;
        const column = state.by;
        state.rows.sort((a, b) => {
          const [x, y] = [value(column, a), value(column, b)];
          if (x === y) return a - b;
          if (x === null || x === undefined) return 1;
          if (y === null || y === undefined) return -1;
          if (column.number) return (column.size ? Math.abs(x) - Math.abs(y) : x - y) * sign || a - b;
          return String(x).localeCompare(String(y)) * sign || a - b;
        });
      }
      state.page = 0;
      show();
    };

    const show = () => {
      const first = state.page * PAGE;
      const rows = state.rows.slice(first, first + PAGE);
      body.replaceChildren(...rows.map((row) => make("tr", {}, ...columns.map((column, at) => {
        const found = value(column, row);
        const cell = make(at === 0 ? "th" : "td", column.number ? { className: "number" } : {});
        if (at === 0) cell.scope = "row";
        else cell.setAttribute("data-label", column.label);
        if (Array.isArray(found)) cell.append(make("ul", {}, ...found.map((each) => make("li", {}, each))));
        else cell.append(shown(found, column));
        return cell;
      }))));
      const pages = Math.max(1, Math.ceil(state.rows.length / PAGE));
      status.textContent = `${number.format(state.rows.length)} of ${number.format(data.rows)} rows` +
        (pages > 1 ? `, page ${state.page + 1} of ${pages}` : "");
      const turn = (step, label) => make("button", {
        type: "button", textContent: label, disabled: state.page + step < 0 || state.page + step >= pages,
        onclick: () => { state.page += step; show(); },
      });
      pager.replaceChildren(...(pages > 1 ? [turn(-1, "Previous"), turn(1, "Next")] : []));
    };

    const search = make("input", { type: "search", oninput: () => { state.text = search.value; apply(); } });
    controls.append(make("label", {}, "Search ", search));
    for (const column of columns.filter((each) => each.filter)) {
      const words = [...new Set(all.map((row) => String(value(column, row) ?? "")))].filter(Boolean).sort();
      const choice = make("select", { onchange: () => { state.chosen[column.id] = choice.value; apply(); } },
        make("option", { value: "", textContent: "all" }), ...words.map((word) => make("option", { value: word, textContent: word })));
      if (wanted.has(column.id) && words.includes(wanted.get(column.id))) {
        choice.value = wanted.get(column.id);
        state.chosen[column.id] = choice.value;
      }
      controls.append(make("label", {}, `${column.label} `, choice));
    }
    controls.append(make("button", {
      type: "button", textContent: "Download these rows (CSV)",
      onclick: () => {
        const lines = [columns.map((column) => csvCell(column.label)), ...state.rows.map((row) =>
          columns.map((column) => csvCell(value(column, row))))];
        download(`${data.name}.csv`, lines.map((line) => line.join(",")).join("\r\n") + "\r\n", "text/csv");
      },
    }));

    const heads = columns.map((column) => {
      const head = make("th", { scope: "col", className: column.number ? "number" : "" });
      head.append(make("button", {
        type: "button", className: "sort", textContent: column.label,
        onclick: () => {
          state.down = state.by === column ? !state.down : Boolean(column.number);
          state.by = column;
          heads.forEach((each) => each.removeAttribute("aria-sort"));
          head.setAttribute("aria-sort", state.down ? "descending" : "ascending");
          apply();
        },
      }));
      return head;
    });
    const table = make("table", { className: "stack" }, make("thead", {}, make("tr", {}, ...heads)), body);
    place.replaceChildren(controls, status, make("div", { className: "scroll" }, table), pager);
    apply();
  };

  // Tables that stand in the page: a button in each head sorts the rows by what they say.
  const sortable = (table) => {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, at) => {
      const label = head.textContent;
      head.replaceChildren(make("button", {
        type: "button", className: "sort", textContent: label,
        onclick: () => {
          const down = head.getAttribute("aria-sort") !== "descending";
          heads.forEach((each) => each.removeAttribute("aria-sort"));
          head.setAttribute("aria-sort", down ? "descending" : "ascending");
          const key = (row) => row.cells[at].dataset.value ?? row.cells[at].textContent;
          const rows = [...table.tBodies[0].rows].sort((a, b) => {
            const [x, y] = [key(a), key(b)];
            const numbers = [x, y].every((each) => each !== "" && !Number.isNaN(Number(each)));
            return (numbers ? x - y : x.localeCompare(y)) * (down ? -1 : 1);
          });
          table.tBodies[0].append(...rows);
        },
      }));
    });
  };

  // Documents --------------------------------------------------------------------------------------

  const CHUNK = 200;

  const node = (key, value) => {
    const name = key === null ? [] : [make("span", { className: "key" }, String(key)), ": "];
    if (value === null || typeof value !== "object") {
      const kind = typeof value === "string" ? "string" : "plain";
      return make("li", {}, ...name, make("span", { className: kind }, typeof value === "string" ? value : String(value)));
    }
    const entries = Array.isArray(value) ? value.map((each, at) => [at, each]) : Object.entries(value);
    const size = Array.isArray(value) ? `list of ${entries.length}` : `${entries.length} entries`;
    if (!entries.length) return make("li", {}, ...name, make("span", { className: "muted" }, Array.isArray(value) ? "empty list" : "empty"));
    const list = make("ul");
    const details = make("details", {}, make("summary", {}, ...name, make("span", { className: "muted" }, size)), list);
    const more = (from) => {
      list.append(...entries.slice(from, from + CHUNK).map(([k, v]) => node(k, v)));
      const rest = entries.length - from - CHUNK;
      if (rest > 0) {
        const item = make("li", {}, make("button", {
          type: "button", textContent: `${rest} more`,
          onclick: () => { item.remove(); more(from + CHUNK); },
        }));
        list.append(item);
      }
    };
    details.addEventListener("toggle", () => { if (details.open && !list.childElementCount) more(0); });
    return make("li", {}, details);
  };

  const buildTree = (place, value) => {
    const root = make("ul", { className: "tree" });
    root.append(...Object.entries(value).map(([key, each]) => node(key, each)));
    const setAll = (open) => {
      // Unfolding makes further nodes, so as long as some appear there is more to unfold.
      for (let depth = 0; depth < 40; depth += 1) {
        const found = [...root.querySelectorAll(open ? "details:not([open])" : "details[open]")];
        if (!found.length || root.querySelectorAll("li").length > 20000) break;
        found.forEach((each) => {
          each.open = open;
          each.dispatchEvent(new Event("toggle"));
        });
      }
    };
    place.replaceChildren(make("p", { className: "controls" },
      make("button", { type: "button", textContent: "Unfold all", onclick: () => setAll(true) }),
      make("button", { type: "button", textContent: "Fold all", onclick: () => setAll(false) })), root);
  };

  // Maps and pictures ------------------------------------------------------------------------------

  const pickVariable = (select) => {
    const figure = select.closest("figure");
    const show = () => {
      figure.querySelector("svg").dataset.shown = select.value;
      figure.querySelectorAll("[data-legend]").forEach((each) => { each.hidden = each.dataset.legend !== select.value; });
    };
    select.addEventListener("change", show);
    show();
  };

  const loaded = new Map();
  const load = (address) => {
    if (!loaded.has(address)) {
      loaded.set(address, new Promise((done, failed) => {
        const script = make("script", { src: address });
        script.addEventListener("load", done);
        script.addEventListener("error", failed);
        document.head.append(script);
      }));
    }
    return loaded.get(address);
  };

  const explore = async (button) => {
    const figure = button.closest("figure");
    let live = figure.querySelector(".live");
    if (live) {
      const hide = !live.hidden;
      live.hidden = hide;
      figure.classList.toggle("exploring", !hide);
      button.setAttribute("aria-pressed", String(!hide));
      return;
    }
    live = make("div", { className: "live" });
    figure.insertBefore(live, figure.querySelector("figcaption"));
    button.disabled = true;
    await Promise.all([load(button.dataset.library), load(button.dataset.from)]);
    button.disabled = false;
    const theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    const chart = structuredClone(handed.get("pictures")[button.dataset.picture][theme]);
    chart.config = { ...chart.config, mark: { tooltip: { content: "data" } }, aria: true };
    chart.width = Math.max(260, live.clientWidth - 150);
    await window.vegaEmbed(live, chart, { actions: false, ast: true, renderer: "svg", tooltip: { theme } });
    figure.classList.add("exploring");
    button.setAttribute("aria-pressed", "true");
  };

  const filterTiles = (input) => {
    const tiles = [...document.querySelectorAll(input.dataset.filter)];
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      tiles.forEach((tile) => {
        const text = tile.textContent.toLowerCase();
        tile.hidden = !words.every((word) => text.includes(word));
      });
    });
  };

  // What scrolls sideways can be reached by keyboard, under the name of the heading before it.
  const reachable = () => {
    const named = new Map();
    document.querySelectorAll(".scroll").forEach((place) => {
      const wide = place.scrollWidth > place.clientWidth + 1;
      if (!wide) {
        ["tabindex", "role", "aria-label"].forEach((name) => place.removeAttribute(name));
        return;
      }
      const heads = [...document.querySelectorAll("h1, h2, h3, summary")].filter(
        (head) => head.compareDocumentPosition(place) & Node.DOCUMENT_POSITION_FOLLOWING);
      const label = heads.length ? heads[heads.length - 1].textContent.trim() : "table";
      named.set(label, (named.get(label) || 0) + 1);
      place.tabIndex = 0;
      place.setAttribute("role", "region");
      place.setAttribute("aria-label", named.get(label) > 1 ? `${label} (${named.get(label)})` : label);
    });
  };

  const start = () => {
    document.querySelectorAll("[data-table]").forEach((place) => whenHanded(place.dataset.table, (data) => buildTable(place, data)));
    document.querySelectorAll("[data-tree]").forEach((place) => whenHanded(place.dataset.tree, (value) => buildTree(place, value)));
    document.querySelectorAll("table[data-sortable]").forEach(sortable);
    document.querySelectorAll("select[data-variables]").forEach(pickVariable);
    document.querySelectorAll("input[data-filter]").forEach(filterTiles);
    document.querySelectorAll("button[data-picture]").forEach((button) => button.addEventListener("click", () => explore(button)));
    reachable();
    addEventListener("resize", reachable);
    document.addEventListener("toggle", reachable, true);
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
