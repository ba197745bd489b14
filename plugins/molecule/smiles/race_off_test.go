//go:build !race

package smiles

const raceEnabled = false
