package tokenizer

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// exercise does with a tokenizer of unknown origin what an engine does.
func exercise(t *testing.T, tok *Tokenizer) {
	t.Helper()
	for _, text := range []string{"", "abc a\nb <loc0001>", "é\x00\xff", "▁▁<bos>"} {
		for _, id := range tok.Encode(text) {
			if id < 0 || int(id) >= tok.Size() {
				t.Fatalf("Encode(%q) holds id %d of a vocabulary of %d", text, id, tok.Size())
			}
		}
	}
	all := make([]int32, 0, tok.Size())
	for id := range int32(min(tok.Size(), 1000)) {
		all = append(all, id)
	}
	tok.Decode(all)
}

// FuzzJSON: no tokenizer.json crashes the parser, or makes a tokenizer that crashes.
func FuzzJSON(f *testing.F) {
	f.Add(smallJSON(f, nil))
	f.Add(smallJSON(f, addBytes))
	f.Add([]byte(`{"model":{"vocab":{"\u0061":0,"\ud800":1},"merges":[["a","a"]]},"added_tokens":[{"id":5,"content":"x","normalized":true}]}`))
	f.Add([]byte(`{"model":{"vocab":{"a":0,"":1},"merges":["a "," a"]},"decoder":{"type":"Sequence","decoders":[{"type":"Sequence"}]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if tok, err := parseJSON(data, names{}); err == nil {
			exercise(t, tok)
		}
	})
}

// FuzzModel: the same for tokenizer.model.
func FuzzModel(f *testing.F) {
	f.Add(modelBytes(smallModel(), modelBPE, true))
	f.Add(modelBytes(smallModel(), modelBPE, false))
	f.Add([]byte("\x0a\x05\x0a\x01a\x18\x04"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if tok, err := parseModel(data, names{}); err == nil {
			exercise(t, tok)
		}
	})
}

// FuzzRoundTrip: with byte fallback, text comes back from its ids.
func FuzzRoundTrip(f *testing.F) {
	for _, text := range []string{"", "abc", "a a\n", "<loc0000>é", "\x00\t", "日本"} {
		f.Add(text)
	}
	tok := small(f, addBytes)
	f.Fuzz(func(t *testing.T, text string) {
		got := tok.Decode(tok.Encode(text))
		want := text
		if !utf8.ValidString(want) {
			want = strings.ToValidUTF8(want, "\uFFFD")
		}
		// Pieces write spaces as ▁, so the two cannot be told apart; nor can a byte's name from the byte.
		if want = strings.ReplaceAll(want, Space, " "); got != want && !strings.Contains(want, "<0x") {
			t.Errorf("%q came back as %q", text, got)
		}
	})
}
