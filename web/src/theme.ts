// Dark or light: the system's choice until somebody chooses. Paper is white.
import { computed, effect, signal } from "@preact/signals";
import { paper } from "./route";

const KEPT = "foreshock-theme", dark = matchMedia("(prefers-color-scheme: dark)");

function begin(): "dark" | "light" {
  try {
    const was = localStorage.getItem(KEPT);
    if (was === "dark" || was === "light") return was;
  } catch { /* the system's, then */ }
  return dark.matches ? "dark" : "light";
}

export const theme = signal<"dark" | "light">(begin());

export function themeToggle(): void {
  theme.value = theme.value === "dark" ? "light" : "dark";
  try {
    localStorage.setItem(KEPT, theme.value);
  } catch { /* until the tab closes */ }
}

dark.addEventListener("change", (e) => { theme.value = e.matches ? "dark" : "light"; });
const printing = signal(false);
addEventListener("beforeprint", () => { printing.value = true; });
addEventListener("afterprint", () => { printing.value = false; });

/** What is drawn with. */
export const look = computed(() => paper.value || printing.value ? "light" : theme.value);
effect(() => {
  document.documentElement.dataset.theme = look.value;
  document.documentElement.classList.toggle("paper", paper.value);
});
