//go:build race

package pdfa

// underRace leaves out what the race detector makes slow and says nothing
// about: PDFium, which is compiled to one long loop.
const underRace = true
