// Search on the first page of the course: every word of the query must occur in a section.
"use strict";
{
  const sections = JSON.parse(document.getElementById("sections").textContent);
  const input = document.getElementById("search");
  const list = document.getElementById("found");

  function matches(section, words) {
    const text = (section.title + " " + section.text).toLowerCase();
    return words.every((word) => text.includes(word));
  }

  function item(section) {
    const link = document.createElement("a");
    link.href = section.page;
    link.textContent = section.title;
    const text = document.createElement("p");
    text.textContent = section.shown;
    const entry = document.createElement("li");
    entry.append(link, text);
    return entry;
  }

  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = words.length ? sections.filter((section) => matches(section, words)) : [];
    list.replaceChildren(...found.slice(0, 12).map(item));
  });
}
