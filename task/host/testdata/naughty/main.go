// Program naughty is a plugin that misbehaves as the page's name tells it to. With the
// argument mute it does not describe its column.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"palimpsest.dev/task"
)

func main() { task.Serve(naughty{}) }

type naughty struct{}

var hoard [][]byte

func (naughty) Info() task.Info {
	about := "text"
	if len(os.Args) > 1 && os.Args[1] == "mute" { // breaks a promise
		about = ""
	}
	return task.Info{Name: "naughty", Version: "1", Summary: "misbehaves", Rounds: 1, MaxAsks: 2,
		Relations: []task.Relation{{Name: "word", Summary: "words", Columns: []task.Column{{Name: "text", Type: task.Text, Summary: about}}}},
		Options:   []task.Option{{Name: "mood", Default: "bad", Values: []string{"bad", "worse"}}}}
}

func (naughty) Plan(ctx context.Context, page task.Page, _ task.Profile) ([]task.Ask, error) {
	what, argument, _ := strings.Cut(page.Document, " ")
	ask := task.Ask{ID: "a", Region: page.Bounds(), Size: 10, Fit: task.FitStretch, Prompt: "x", MaxTokens: 1}
	switch what {
	case "panic":
		panic("as told")
	case "panic-later":
		go panic("as told")
		time.Sleep(time.Hour)
	case "exit":
		os.Exit(7)
	case "panic-once":
		if _, err := os.Stat(argument); err != nil {
			if err := os.WriteFile(argument, nil, 0o644); err != nil {
				return nil, err
			}
			panic("as told, once")
		}
	case "hang":
		select {}
	case "spin":
		for i := 0; ; i++ {
		}
	case "wait":
		<-ctx.Done()
		return nil, ctx.Err()
	case "eat":
		for range 64 {
			b := make([]byte, 16<<20)
			for i := 0; i < len(b); i += 4096 {
				b[i] = 1
			}
			hoard = append(hoard, b)
		}
		return nil, fmt.Errorf("ate %d pieces and lives", len(hoard))
	case "slow":
		time.Sleep(20 * time.Millisecond)
	case "many":
		return []task.Ask{ask, ask, ask}, nil
	case "invalid":
		return nil, fmt.Errorf("%w: the page is upside down", task.ErrInvalid)
	case "fail":
		return nil, fmt.Errorf("no luck")
	}
	return []task.Ask{ask}, nil
}

func (naughty) Read(_ context.Context, page task.Page, _ []task.Answer) (task.Reading, error) {
	what, argument, _ := strings.Cut(page.Document, " ")
	record := task.Record{Relation: "word", Box: page.Bounds(), Source: task.SourceModel, Values: map[string]any{"text": "hello"}}
	r := task.Reading{Records: []task.Record{record}}
	switch what {
	case "panic":
		panic("as told")
	case "undeclared":
		r.Records[0].Relation = "secret"
	case "outside":
		r.Records[0].Box = task.Box{X0: -50, Y0: 0, X1: 5, Y1: 5}
	case "wrong-type":
		r.Records[0].Values["text"] = int64(3)
	case "not-text":
		r.Records[0].Values["text"] = "\xff"
	case "path":
		r.Artifacts = []task.Artifact{{Name: "../../etc/passwd", MediaType: "text/plain"}}
	case "large":
		r.Artifacts = []task.Artifact{{Name: "a", MediaType: "text/plain", Content: make([]byte, task.MaxMessageBytes)}}
	case "look":
		r.Notes = append(r.Notes, fmt.Sprintf("uid %d", os.Getuid()))
		for _, e := range os.Environ() {
			if i := strings.IndexByte(e, '\n'); i > 0 { // certificates
				e = e[:i]
			}
			r.Notes = append(r.Notes, "env "+e)
		}
		if c, err := net.DialTimeout("tcp", argument, time.Second); err == nil {
			c.Close()
			r.Notes = append(r.Notes, "network")
		}
		r.Notes = append(r.Notes, fmt.Sprintf("pid %d", os.Getpid()))
	}
	return r, nil
}
