// The built files are committed and compiled into the node, so their names are fixed and nothing is inlined: the page's
// content security policy allows neither inline scripts nor data URLs.
export default {
  base: "./",
  build: {
    outDir: "dist",
    emptyOutDir: true,
    target: "es2022",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    rollupOptions: {
      output: {
        entryFileNames: "assets/app.js",
        assetFileNames: "assets/app[extname]",
      },
    },
  },
};
