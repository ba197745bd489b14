//go:build !race

package film

const raceEnabled = false
