package grammar

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"palimpsest.dev/engine/tokenizer"
)

// Vocabulary is what the tokens of a checkpoint write.
type Vocabulary struct {
	words   []string // by id; "" where an id may never be written under a grammar
	ends    []int32
	order   []int32  // ids with a word, sorted by it
	shared  []uint16 // bytes that the word of order[i] shares with that of order[i-1]
	first   [257]int // where in order the words that begin with a byte begin
	longest int
}

// NewVocabulary takes the text of every token, spaces as spaces, byte pieces as their byte, locations and codes
// as their symbol, "" for tokens that write nothing. ends are the ids that end an answer.
func NewVocabulary(words []string, ends []int32) *Vocabulary {
	v := &Vocabulary{words: slices.Clone(words), ends: ends}
	for _, id := range ends {
		v.words[id] = ""
	}
	for id, w := range v.words {
		if w != "" {
			v.order = append(v.order, int32(id))
			v.longest = max(v.longest, len(w))
		}
	}
	slices.SortFunc(v.order, func(a, b int32) int {
		return cmp.Or(strings.Compare(v.words[a], v.words[b]), cmp.Compare(a, b))
	})
	for i := range v.first {
		v.first[i], _ = slices.BinarySearchFunc(v.order, byte(i), func(id int32, b byte) int { return cmp.Compare(int(v.words[id][0]), i) })
	}
	v.shared = make([]uint16, len(v.order))
	for i := 1; i < len(v.order); i++ {
		a, b := v.words[v.order[i-1]], v.words[v.order[i]]
		n := 0
		for n < len(a) && n < len(b) && a[n] == b[n] {
			n++
		}
		v.shared[i] = uint16(n)
	}
	return v
}

// Size is the number of ids.
func (v *Vocabulary) Size() int { return len(v.words) }

// ids are the tokens that write exactly this.
func (v *Vocabulary) ids(word string) []int32 {
	from, found := slices.BinarySearchFunc(v.order, word, func(id int32, w string) int { return strings.Compare(v.words[id], w) })
	if !found {
		return nil
	}
	to := from
	for to < len(v.order) && v.words[v.order[to]] == word {
		to++
	}
	return v.order[from:to]
}

// spell is the least number of tokens that write the text.
func (v *Vocabulary) spell(text []byte) int {
	const never = 1 << 30
	least := make([]int, len(text)+1) // from each place to the end
	for i := len(text) - 1; i >= 0; i-- {
		least[i] = never
		for n := 1; n <= min(v.longest, len(text)-i); n++ {
			if 1+least[i+n] < least[i] && v.ids(string(text[i:i+n])) != nil {
				least[i] = 1 + least[i+n]
			}
		}
	}
	return least[0]
}

// Read takes the words of a tokenizer's first size ids.
func Read(t *tokenizer.Tokenizer, size int, ends []int32) *Vocabulary {
	special := t.Special()
	words := make([]string, size)
	for i := range words {
		switch id := int32(i); {
		case id >= special.Loc0 && id < special.Loc0+special.Locs && special.Loc0 >= 0:
			words[i] = string([]byte{Location})
		case id >= special.Seg0 && id < special.Seg0+special.Segs && special.Seg0 >= 0:
			words[i] = string([]byte{Code})
		case id == special.BOS || id == special.EOS || id == special.PAD || id == special.UNK || id == special.Image:
		default:
			words[i] = written(t, id)
		}
	}
	return NewVocabulary(words, ends)
}

// written is what a token adds to a text: "" for those that only mean something to a model, such as <unused7>.
func written(t *tokenizer.Tokenizer, id int32) string {
	piece, text := t.Piece(id), t.Decode([]int32{id})
	if hex, ok := strings.CutPrefix(piece, "<0x"); ok && text != piece { // decoded as a byte
		if b, err := strconv.ParseUint(strings.TrimSuffix(hex, ">"), 16, 8); err == nil && b < Location {
			return string([]byte{byte(b)})
		}
		return ""
	}
	for _, mark := range []string{"<unused", "<start_of_", "<end_of_", "<mask", "[@BOS@]"} {
		if strings.HasPrefix(piece, mark) && len(piece) > len(mark) || piece == mark {
			return ""
		}
	}
	return text
}
