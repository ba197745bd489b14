package midi

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"palimpsest.dev/plugins/omr/kern"
)

const example = "**kern\t**kern\n*clefF4\t*clefG2\n*k[f#]\t*k[f#]\n*M3/4\t*M3/4\n*MM90\t*MM90\n=1\t=1\n" +
	"2.GG\t[4g\n.\t8qa\n.\t2g]\n=2\t=2\n2.D\t12f#\n.\t12g\n.\t12a\n.\t2dd\n==\t==\n*-\t*-\n"

// file is a Standard MIDI File taken apart.
type file struct {
	format, division int
	tracks           [][]string // "tick event"
}

func parse(t testing.TB, raw []byte) file {
	t.Helper()
	var f file
	if len(raw) < 14 || string(raw[:8]) != "MThd\x00\x00\x00\x06" {
		t.Fatalf("header %q", raw[:min(14, len(raw))])
	}
	f.format, f.division = int(binary.BigEndian.Uint16(raw[8:])), int(binary.BigEndian.Uint16(raw[12:]))
	count := int(binary.BigEndian.Uint16(raw[10:]))
	raw = raw[14:]
	for range count {
		if string(raw[:4]) != "MTrk" {
			t.Fatalf("track %q", raw[:4])
		}
		size := binary.BigEndian.Uint32(raw[4:])
		body := raw[8 : 8+size]
		raw = raw[8+size:]
		var events []string
		tick := int64(0)
		next := func(n int) []byte { b := body[:n]; body = body[n:]; return b }
		number := func() (v int64) {
			for {
				b := next(1)[0]
				if v = v<<7 | int64(b&0x7F); b < 0x80 {
					return v
				}
			}
		}
		for len(body) > 0 {
			tick += number()
			status := next(1)[0]
			if status == 0xFF {
				kind := next(1)[0]
				events = append(events, fmt.Sprintf("%d meta %02x % x", tick, kind, next(int(number()))))
				continue
			}
			events = append(events, fmt.Sprintf("%d %02x % x", tick, status, next(2)))
		}
		if !strings.Contains(events[len(events)-1], "meta 2f") {
			t.Error("a track without an end")
		}
		f.tracks = append(f.tracks, events)
	}
	if len(raw) > 0 {
		t.Errorf("%d bytes behind the last track", len(raw))
	}
	return f
}

// TestWrite spells out a file: metre, key and tempo on a track of their own, a tie
// that sounds as one note, a triplet, and a grace note before its beat.
func TestWrite(t *testing.T) {
	t.Parallel()
	raw, err := Write(kern.Read(example, kern.Options{}), "T")
	if err != nil {
		t.Fatal(err)
	}
	f := parse(t, raw)
	if f.format != 1 || f.division != 96 || len(f.tracks) != 3 {
		t.Fatalf("format %d, %d ticks, %d tracks", f.format, f.division, len(f.tracks))
	}
	want := [][]string{
		{"0 meta 03 54", "0 meta 51 0a 2c 2b", "0 meta 58 03 02 18 08", "0 meta 59 01 00", "576 meta 2f "},
		{"0 90 43 50", "84 90 45 50", "96 80 45 40", "288 80 43 40", "288 90 42 50", "320 80 42 40", "320 90 43 50",
			"352 80 43 40", "352 90 45 50", "384 80 45 40", "384 90 4a 50", "576 80 4a 40", "576 meta 2f "},
		{"0 91 2b 50", "288 81 2b 40", "288 91 32 50", "576 81 32 40", "576 meta 2f "},
	}
	for i := range want {
		if !slices.Equal(f.tracks[i], want[i]) {
			t.Errorf("track %d: %q\nwant %q", i, f.tracks[i], want[i])
		}
	}
}

// TestEverySoundBeginsAndEnds writes the texts of the evaluation data: in each
// track what begins ends, nothing is left sounding, and there are as many notes as
// the text has, less those that a tie or the beginning swallows.
func TestEverySoundBeginsAndEnds(t *testing.T) {
	t.Parallel()
	files, sounds := 0, 0
	for id, text := range texts(t) {
		s := kern.Read(text, kern.Options{})
		raw, err := Write(s, id)
		if errors.Is(err, ErrNoMusic) {
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", id, err)
		}
		files++
		want, ornaments := 0, 0
		for _, e := range s.Events {
			for _, p := range e.Pitches {
				if e.Grace != kern.NotGrace || p.Tie != kern.TieContinue && p.Tie != kern.TieStop {
					want++
				}
				if e.Grace != kern.NotGrace && p.Tie != kern.NoTie {
					ornaments++ // tied to the main note, which sounds by itself
				}
			}
		}
		got := 0
		for _, track := range parse(t, raw).tracks {
			on := map[string]int{}
			for _, e := range track {
				var tick int64
				var status, key, v int
				if n, _ := fmt.Sscanf(e, "%d %x %x %x", &tick, &status, &key, &v); n != 4 {
					continue
				}
				name := fmt.Sprint(status&15, " ", key)
				if status>>4 == 9 {
					on[name]++
					got++
				} else if on[name]--; on[name] < 0 {
					t.Errorf("%s: %s ends before it begins", id, name)
				}
			}
			for name, n := range on {
				if n != 0 {
					t.Errorf("%s: %s is left sounding", id, name)
				}
			}
		}
		sounds += got
		if s.Valid() && (got > want+ornaments || got < want-8) { // graces at the very beginning
			t.Errorf("%s: %d sounds, want %d", id, got, want)
		}
	}
	t.Logf("%d files, %d sounds", files, sounds)
}

func TestNothingToWrite(t *testing.T) {
	t.Parallel()
	if _, err := Write(kern.Read("**kern\n*-\n", kern.Options{}), ""); !errors.Is(err, ErrNoMusic) {
		t.Error(err)
	}
}

// texts are the **kern texts of the evaluation data.
func texts(t testing.TB) map[string]string {
	t.Helper()
	root := os.Getenv("PALIMPSEST_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "..", "shared")
	}
	raw, err := os.ReadFile(filepath.Join(root, "data", "metric_vectors", "kern_oracle.jsonl.gz"))
	if err != nil {
		t.Skipf("no evaluation data: %v", err)
	}
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err == nil {
		raw, err = io.ReadAll(z)
	}
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(raw))
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var o struct{ ID, Path, Kern string }
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			t.Fatal(err)
		}
		if o.Path != "" {
			text, err := os.ReadFile(filepath.Join(root, "data", filepath.FromSlash(o.Path)))
			if err != nil {
				t.Fatal(err)
			}
			o.Kern = string(text)
		}
		out[o.ID] = o.Kern
	}
	return out
}
