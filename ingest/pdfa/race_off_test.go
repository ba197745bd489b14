//go:build !race

package pdfa

const underRace = false
