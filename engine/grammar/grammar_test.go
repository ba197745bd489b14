package grammar

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"palimpsest.dev/engine/enginetest"
	"palimpsest.dev/engine/tokenizer"
)

// pieces is a vocabulary of bytes and longer pieces, many of which run over the borders of what a grammar reads:
// tags with text around them, parts of characters, tabs and newlines in a row.
func pieces() *Vocabulary {
	words := []string{"", ""} // an end mark, and an id that is not used
	for b := range int(Location) {
		words = append(words, string([]byte{byte(b)}))
	}
	words = append(words, strings.Fields(`<table> </table> <thead> </thead> <tbody> </tbody> <tr> </tr> <td> </td> <th> </th> <b> </b> <sup> </sup>
		</ > </t td th able> .</ a</td> "> span=" row col rowspan 12 20 </td><td> </td></tr> &amp & amp; lt; ;lt <i>x</i> x</i> <b><i>
		CC Cl Br (C )C )) (=O) c1 1)C C1CC1 cc [nH] [C@@H] @@ [O-] + %1 12 ]( .C Cn CO on .. ... ** **kern *- *^ *v clef G2 4c 8dd LL JJ
		cc ee-- # 16 4. .4 [2 wort über größe 字 字典 ü. ─`)...)
	words = append(words, " ;", " ; ", "; ", " a", " the", "a ", "  ", " ;a", "\t\t", "\n\n", "\t.", ".\t", "\n*", "*\t", "*\t*", "=\n",
		" colspan=\"", " rowspan=\"2\">", "\xe5\xad", "\xad", "\xc3", "x\xc3")
	for range 40 {
		words = append(words, string([]byte{Location}))
	}
	for range 16 {
		words = append(words, string([]byte{Code}))
	}
	return NewVocabulary(words, []int32{0})
}

// mini is the vocabulary of the default model.
func mini(t testing.TB) *Vocabulary {
	t.Helper()
	dir := filepath.Join("..", "..", "models", "mini")
	tokens, err := tokenizer.Load(dir)
	if err != nil {
		t.Skipf("no default model in %s: %v", dir, err)
	}
	return Read(tokens, tokens.Size(), []int32{tokens.Special().EOS})
}

var gemmaOnce = sync.OnceValues(readGemma)

// readGemma reads the published vocabulary from where the tokenizer's tests keep it.
func readGemma() (*Vocabulary, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(filepath.Join(cache, "palimpsest", "testdata", "gemma2-tokenizer.json"))
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "gemma")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "tokenizer.json"), data, 0o666); err != nil {
		return nil, err
	}
	tokens, err := tokenizer.Load(dir)
	if err != nil {
		return nil, err
	}
	v := Read(tokens, tokens.Size(), []int32{tokens.Special().EOS})
	words := slices.Clone(v.words) // PaliGemma's own tokens follow the 256,000 of Gemma
	for range 1024 {
		words = append(words, string([]byte{Location}))
	}
	for range 128 {
		words = append(words, string([]byte{Code}))
	}
	return NewVocabulary(append(words, ""), v.ends), nil
}

func gemma(t testing.TB) *Vocabulary {
	t.Helper()
	v, err := gemmaOnce()
	if err != nil {
		t.Skipf("no Gemma 2 vocabulary; the tests of engine/tokenizer fetch it: %v", err)
	}
	return v
}

// grammars compiles what the vocabulary can write.
func grammars(t testing.TB, v *Vocabulary) map[string]*Grammar {
	t.Helper()
	all := map[string]*Grammar{}
	for _, name := range Names() {
		g, err := Compile(name, v)
		if err != nil {
			if strings.Contains(err.Error(), "the vocabulary has no token") {
				t.Logf("%s: %v", name, err)
				continue
			}
			t.Fatal(err)
		}
		all[name] = g
	}
	return all
}

// dice is a model whose logits are random: the best of a set is any of it.
type dice struct{ *rand.Rand }

func (d dice) among(set []uint64) int32 {
	total := 0
	for _, w := range set {
		total += bits.OnesCount64(w)
	}
	k := d.IntN(total)
	for i, w := range set {
		if n := bits.OnesCount64(w); k >= n {
			k -= n
			continue
		}
		for ; k > 0; k-- {
			w &= w - 1
		}
		return int32(i*64 + bits.TrailingZeros64(w))
	}
	panic("an empty set")
}

// decode lets a random model write an answer of at most limit tokens. Its end marks are as likely as any other
// token; with some, an answer does not end before its first token.
func decode(g *Grammar, d dice, limit int, some bool) (ids []int32, ended bool) {
	m := g.Start(limit)
	for len(ids) < limit {
		among := d.among
		if some && len(ids) == 0 {
			among = func(set []uint64) int32 {
				for _, e := range g.vocabulary.ends {
					set[e/64] &^= 1 << (e % 64)
				}
				return d.among(set)
			}
		}
		id := m.Next(-1, among)
		if m.isEnd(id) {
			return ids, true
		}
		ids = append(ids, id)
	}
	return ids, m.CanEnd()
}

// text spells an answer as a person sees it.
func (v *Vocabulary) text(ids []int32) string {
	var b strings.Builder
	for _, id := range ids {
		switch w := v.words[id]; w {
		case string([]byte{Location}):
			fmt.Fprintf(&b, "<loc%04d>", id%1024)
		case string([]byte{Code}):
			fmt.Fprintf(&b, "<seg%03d>", id%128)
		default:
			b.WriteString(w)
		}
	}
	return b.String()
}

// decodesEnv asks for many decodes: PALIMPSEST_DECODES=100000 go test -run Random ./engine/grammar
const decodesEnv = "PALIMPSEST_DECODES"

// TestRandomAnswersParse lets a random model write answers under every grammar, half of them forced not to be
// empty, with limits from a few tokens to hundreds; all of them must be in the language as an independent reader
// sees it, and closed.
func TestRandomAnswersParse(t *testing.T) {
	t.Parallel()
	total := 1000
	if enginetest.Race {
		total = 100 // the detector looks at what is shared, which is little
	}
	if s := os.Getenv(decodesEnv); s != "" {
		var err error
		if total, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	for name, v := range map[string]*Vocabulary{"pieces": pieces(), "mini": mini(t)} {
		all := grammars(t, v)
		for _, kind := range Names() {
			g := all[kind]
			if g == nil {
				continue
			}
			t.Run(name+"/"+kind, func(t *testing.T) {
				t.Parallel()
				n := total / (2 * len(all))
				lengths, limited := randomAnswers(t, g, checks[kind], n)
				slices.Sort(lengths)
				t.Logf("%d answers parse; the forced half has a median of %d tokens; %d were closed by the limit", n, lengths[len(lengths)/2], limited)
			})
		}
	}
}

// randomAnswers checks n random answers and returns the lengths of those that could not be empty, and how many
// were closed because of their limit.
func randomAnswers(t *testing.T, g *Grammar, check func(string) error, n int) (lengths []int, limited int64) {
	var next, closed atomic.Int64
	var mu sync.Mutex
	var wg sync.WaitGroup
	for worker := range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(n) && !t.Failed(); i = next.Add(1) {
				d := dice{rand.New(rand.NewPCG(uint64(i), 5))}
				limit := 96 + d.IntN(400)
				if i%8 == 1 {
					limit = 1 + d.IntN(60)
				}
				some := i%2 == 0
				ids, ended := decode(g, d, limit, some)
				text := g.vocabulary.text(ids)
				if err := check(text); err != nil || !ended || some && len(ids) == 0 || len(ids) > limit {
					t.Errorf("answer %d (limit %d, ended %v): %v\n%s", i, limit, ended, err, text)
				}
				if len(ids) >= limit-1 {
					closed.Add(1)
				}
				if some {
					mu.Lock()
					lengths = append(lengths, len(ids))
					mu.Unlock()
				}
			}
		})
		_ = worker
	}
	wg.Wait()
	return lengths, closed.Load()
}

// TestMasksAreExact compares masks with what Allows says of every single id, along random answers.
func TestMasksAreExact(t *testing.T) {
	t.Parallel()
	v := pieces()
	for name, g := range grammars(t, v) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := dice{rand.New(rand.NewPCG(2, 9))}
			for range 10 {
				m := g.Start(80)
				for range 80 {
					m.Mask(m.bits)
					for id := range v.words {
						if set := m.bits[id/64]>>(id%64)&1 == 1; set != m.Allows(int32(id)) {
							t.Fatalf("id %d %q: the mask says %v", id, v.words[id], set)
						}
					}
					if id := m.Next(-1, d.among); m.isEnd(id) {
						break
					}
				}
			}
		})
	}
}

// TestClosingIsConsistent checks that the closing text closes, and that after any beginning of it the closing
// text is its rest: only so is the room that was kept for it enough to the end.
func TestClosingIsConsistent(t *testing.T) {
	t.Parallel()
	v := pieces()
	for name, g := range grammars(t, v) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := dice{rand.New(rand.NewPCG(4, 4))}
			for range 20 {
				m := g.Start(120)
				var ids []int32
				for range 120 {
					text, _ := m.walk.closing("", nil)
					for k := range len(text) + 1 {
						rest, ok := m.walk.closing(string(text[:k]), nil)
						if !ok || !bytes.Equal(rest, text[k:]) {
							t.Fatalf("after %q the closing text is %q; after %q of it %q (%v)", v.text(ids), text, text[:k], rest, ok)
						}
					}
					id := m.Next(-1, d.among)
					if m.isEnd(id) {
						break
					}
					ids = append(ids, id)
				}
			}
		})
	}
}

// TestGemmaVocabulary compiles every grammar for the published vocabulary and writes some answers.
func TestGemmaVocabulary(t *testing.T) {
	t.Parallel()
	if testing.Short() || enginetest.Race {
		t.Skip("-short or -race: the Gemma 2 vocabulary is not read")
	}
	v := gemma(t)
	for kind, g := range grammars(t, v) {
		_, limited := randomAnswers(t, g, checks[kind], 40)
		t.Logf("%s: 40 answers parse, %d closed by the limit", kind, limited)
	}
}

// BenchmarkMask measures a step's mask over Gemma's vocabulary along random answers. Each mask is made five times
// and counts with its fastest, so that the slowest is the grammar's and not that of a busy machine.
func BenchmarkMask(b *testing.B) {
	v := gemma(b)
	for _, name := range Names() {
		b.Run(name, func(b *testing.B) {
			g, err := Compile(name, v)
			if err != nil {
				b.Skip(err)
			}
			d := dice{rand.New(rand.NewPCG(1, 1))}
			m := g.Start(400)
			set := make([]uint64, len(m.bits))
			var spent []time.Duration
			for b.Loop() {
				least := time.Hour
				for range 5 {
					start := time.Now()
					m.Mask(set)
					least = min(least, time.Since(start))
				}
				spent = append(spent, least)
				if id := m.Next(d.among(set), d.among); m.isEnd(id) {
					m = g.Start(400)
				}
			}
			slices.Sort(spent)
			b.ReportMetric(float64(spent[len(spent)/2].Nanoseconds()), "ns/median")
			b.ReportMetric(float64(spent[len(spent)*99/100].Nanoseconds()), "ns/99th")
			b.ReportMetric(float64(spent[len(spent)-1].Nanoseconds()), "ns/slowest")
		})
	}
}

// BenchmarkCompile measures the preparation of a grammar for Gemma's vocabulary.
func BenchmarkCompile(b *testing.B) {
	v := gemma(b)
	for _, name := range Names() {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := Compile(name, v); err != nil {
					b.Skip(err)
				}
			}
		})
	}
}

// TestTargetsAreInTheLanguage holds the grammars to the examples that plugins and trainer are tested on: every
// answer that writing gives must be allowed.
func TestTargetsAreInTheLanguage(t *testing.T) {
	t.Parallel()
	all := grammars(t, mini(t))
	for _, c := range []struct{ file, written, grammar string }{
		{"ocr", "words", Words}, {"table", "tables", Table}, {"table_structure", "tables", Outline}, {"molecule", "molecules", Drawn}, {"molecule", "drawing", Atoms}, {"omr", "systems", Kern}, {"omr_bars", "spelled", Bar},
	} {
		path := filepath.Join("..", "..", "training", "testdata", c.file+"_targets.jsonl")
		data, err := os.ReadFile(path)
		if err != nil {
			t.Logf("no %s: %v", path, err)
			continue
		}
		seen := 0
		for line := range strings.Lines(string(data)) {
			var example map[string]json.RawMessage
			var answer string
			if err := json.Unmarshal([]byte(line), &example); err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			if example[c.written] == nil {
				continue // an example of reading
			}
			answers := []string{answer}
			if json.Unmarshal(example["bars"], &answers) != nil && json.Unmarshal(example["answer"], &answers[0]) != nil {
				continue
			}
			seen++
			for _, answer := range answers {
				text := regexp.MustCompile(`<loc\d{4}>`).ReplaceAllString(answer, string([]byte{Location}))
				w := all[c.grammar].start()
				good := 0
				for good < len(text) && w.allows(text[:good+1]) {
					good++
				}
				if w.take(text); good < len(text) || !w.ends() {
					t.Errorf("%s: %s is not in %s: it stops after %q", c.file, example["name"], c.grammar, text[:good])
				}
			}
		}
		t.Logf("%s: %d answers", c.file, seen)
	}
}
