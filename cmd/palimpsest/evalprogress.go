package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// progress draws a bar below the lines that are printed, on a terminal alone.
type progress struct {
	out         io.Writer
	terminal    bool
	done, fresh int // items; those that were read now, which tell how long the rest will take
	all         int
	start       time.Time
}

func newProgress(out io.Writer, all int) *progress {
	p := &progress{out: out, all: all, start: time.Now()}
	if f, ok := out.(*os.File); ok {
		info, err := f.Stat()
		p.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	p.draw()
	return p
}

// step counts an item; known says that it took no time.
func (p *progress) step(known bool) {
	p.done++
	if !known {
		p.fresh++
	}
	p.draw()
}

// line prints a line above the bar.
func (p *progress) line(text string) error {
	p.wipe()
	_, err := fmt.Fprintln(p.out, text)
	p.draw()
	return err
}

func (p *progress) wipe() {
	if p.terminal {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}

func (p *progress) draw() {
	if !p.terminal {
		return
	}
	p.wipe()
	fmt.Fprint(p.out, p.text(time.Since(p.start)))
}

// text is the bar after some time.
func (p *progress) text(passed time.Duration) string {
	const width = 30
	full := width
	if p.all > 0 {
		full = width * p.done / p.all
	}
	s := fmt.Sprintf("[%s%s] %d of %d", strings.Repeat("#", full), strings.Repeat(".", width-full), p.done, p.all)
	if p.fresh > 0 && p.done < p.all {
		rest := passed / time.Duration(p.fresh) * time.Duration(p.all-p.done)
		s += fmt.Sprintf(", %s left", rest.Round(time.Second))
	}
	return s
}

func (p *progress) end() { p.wipe() }
