//go:build race

package smiles

const raceEnabled = true
