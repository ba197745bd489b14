package words

import (
	"fmt"

	"palimpsest.dev/task"
)

func (c *tally) add(a task.Answer) {
	c.Asked++
	switch a.Stop {
	case task.StopLoop:
		c.Loops++
	case task.StopLength:
		c.Cuts++
	}
}

// say turns the counts into notes. A page of which the model mostly repeated
// itself is unreadable: what was kept of it is not to be trusted.
func (c *tally) say() (notes []string, unreadable string) {
	if 2*c.Loops > c.Asked {
		unreadable = fmt.Sprintf("the model repeated itself in %d of %d views", c.Loops, c.Asked)
	} else if c.Loops > 0 {
		notes = append(notes, fmt.Sprintf("the model repeated itself in %d of %d views", c.Loops, c.Asked))
	}
	if c.Cuts > 0 {
		notes = append(notes, fmt.Sprintf("%d of %d answers reached the token limit", c.Cuts, c.Asked))
	}
	if c.Problems.Any() {
		notes = append(notes, "left out of the answers: "+c.Problems.String())
	}
	if c.OffInk > 0 {
		notes = append(notes, fmt.Sprintf("left out: %d words where the page shows no text", c.OffInk))
	}
	if c.Unsure > 0 {
		notes = append(notes, fmt.Sprintf("left out: %d words the model was too unsure of", c.Unsure))
	}
	return notes, unreadable
}
