/// <reference types="vite/client" />
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// The result is served by `rackless serve` (src/rackless/api/page.py), which packs what it sends, so names carry a hash.
export default defineConfig({
  plugins: [react()],
  build: {
    outDir: "../src/rackless/web",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    target: "es2022",
    chunkSizeWarningLimit: 2000,
    modulePreload: { polyfill: false },
  },
});
