//go:build race

package main

// underRace leaves out what the race detector makes slow and says nothing
// about: the model's arithmetic.
const underRace = true
