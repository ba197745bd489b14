package engine

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"palimpsest.dev/engine/tokenizer"
)

// byteVocabulary is a tokenizer.json with three byte pieces that spell the euro sign.
const byteVocabulary = `{"version":"1.0","added_tokens":[{"id":0,"content":"<eos>","special":true}],"normalizer":null,"pre_tokenizer":null,"post_processor":null,
"decoder":{"type":"Sequence","decoders":[{"type":"ByteFallback"},{"type":"Fuse"}]},
"model":{"type":"BPE","unk_token":null,"byte_fallback":true,"vocab":{"<eos>":0,"a":1,"b":2,"<0xE2>":3,"<0x82>":4,"<0xAC>":5,"<0x0A>":6},"merges":[]}}`

// TestTokensSpellTheText: the parts of the text that tokens get, joined, are the text, also where a character
// is spread over several tokens or never completed.
func TestTokensSpellTheText(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "tokenizer.json"), []byte(byteVocabulary), 0o666); err != nil {
		t.Fatal(err)
	}
	tokens, err := tokenizer.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		ids  []int32
		want []string
	}{
		{[]int32{1, 2}, []string{"a", "b"}},
		{[]int32{1, 3, 4, 5, 2}, []string{"a", "", "", "€", "b"}},
		{[]int32{6, 1}, []string{"\n", "a"}},
		{[]int32{3, 4, 1}, []string{"", "", "\uFFFD\uFFFDa"}},
		{[]int32{1, 3}, []string{"a", "\uFFFD"}},
	} {
		s := spelling{tokens: tokens}
		var got []string
		for _, id := range c.ids {
			got = append(got, s.next(id))
		}
		got[len(got)-1] += s.flush()
		if !slices.Equal(got, c.want) {
			t.Errorf("%v: %q, want %q", c.ids, got, c.want)
		}
		if text := tokens.Decode(c.ids); strings.Join(got, "") != text {
			t.Errorf("%v: parts %q, text %q", c.ids, got, text)
		}
	}
}
