//go:build race

package tokenizer

// raceDetector tells that everything takes ten times as long: the large vocabulary is then read
// in one form only.
const raceDetector = true
