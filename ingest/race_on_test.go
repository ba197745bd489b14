//go:build race

package ingest

// underRace leaves out what the race detector makes slow and says nothing
// about: the model's arithmetic.
const underRace = true
