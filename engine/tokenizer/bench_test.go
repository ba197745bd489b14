package tokenizer

import (
	"strings"
	"testing"
)

// BenchmarkLoadJSON reads PaliGemma 2's whole tokenizer.json, merges as arrays.
func BenchmarkLoadJSON(b *testing.B) {
	data := paliGemmaJSON(b, true)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := parseJSON(data, names{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLoadModel reads the same vocabulary as a SentencePiece model.
func BenchmarkLoadModel(b *testing.B) {
	data := gemmaModel(b)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := parseModel(data, names{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkEncode encodes one stretch of 64 KiB without a break.
func BenchmarkEncode(b *testing.B) {
	tok, err := parseJSON(paliGemmaJSON(b, false), names{})
	if err != nil {
		b.Fatal(err)
	}
	text := strings.Repeat("The quick brown fox; 12.50 EUR for 3 jars of jam. ", 64<<10/50)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		tok.Encode(text)
	}
}
