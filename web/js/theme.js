// Runs before the first paint, as a plain script, so that a chosen theme does not flash the other one first.
// The rest of the settings is in models/settings.js.
try {
  const theme = localStorage.getItem("theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage is switched off: the theme follows the system.
}
