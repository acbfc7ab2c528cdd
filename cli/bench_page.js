// What a page gains from a script: sorting and filtering of ops, taking the raw data along. It is read without one.
"use strict";
(function () {
    const raw = document.getElementById("raw-data").textContent;
    for (const tools of document.querySelectorAll(".tools")) {
        tools.hidden = false;
    }

    document.getElementById("download").addEventListener("click", function () {
        const link = document.createElement("a");
        link.href = URL.createObjectURL(new Blob([raw], { type: "application/json" }));
        link.download = "thaw-bench-raw.json";
        link.click();
        setTimeout(function () { URL.revokeObjectURL(link.href); }, 1000);
    });
    document.getElementById("copy").addEventListener("click", function () {
        const told = document.getElementById("copied");
        const failed = function () { told.textContent = "The browser does not allow it; save the file instead."; };
        if (!navigator.clipboard) {
            failed();
            return;
        }
        navigator.clipboard.writeText(raw).then(function () { told.textContent = "Copied."; }, failed);
    });

    const table = document.getElementById("ops-table");
    if (!table) {
        return;
    }
    const body = table.tBodies[0];
    const rows = Array.from(body.rows);
    const shown = document.getElementById("shown");
    const texts = rows.map(function (row) { return row.textContent.toLowerCase(); });

    // Numbers before texts; what is unknown stays at the end in both directions.
    function keyOf(row, column) {
        const cell = row.cells[column];
        if (cell.classList.contains("num")) {
            return "v" in cell.dataset ? Number(cell.dataset.v) : null;
        }
        return cell.textContent;
    }
    function sortBy(column, head, heads) {
        const down = head.getAttribute("aria-sort") ? head.getAttribute("aria-sort") === "ascending"
            : rows.some(function (row) { return typeof keyOf(row, column) === "number"; });
        for (const other of heads) {
            other.removeAttribute("aria-sort");
        }
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const sorted = rows.slice().sort(function (a, b) {
            const x = keyOf(a, column), y = keyOf(b, column);
            if (x === null || y === null) {
                return (x === null) - (y === null);
            }
            return (x < y ? -1 : x > y ? 1 : 0) * (down ? -1 : 1);
        });
        body.append(...sorted);
    }
    const heads = Array.from(table.tHead.rows[1].cells);
    heads.forEach(function (head, column) {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = head.textContent;
        button.addEventListener("click", function () { sortBy(column, head, heads); });
        head.replaceChildren(button);
    });

    document.getElementById("filter").addEventListener("input", function (event) {
        const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
        let count = 0;
        rows.forEach(function (row, i) {
            const hit = words.every(function (word) { return texts[i].includes(word); });
            row.hidden = !hit;
            count += hit;
        });
        shown.textContent = words.length ? count + " of " + rows.length : "";
    });
}());
