// Dark or light: the system's choice until somebody chooses.
import { effect, signal } from "@preact/signals";

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
effect(() => { document.documentElement.dataset.theme = theme.value; });
