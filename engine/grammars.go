package engine

import (
	"sync"

	"palimpsest.dev/engine/grammar"
)

// grammars are those of a checkpoint, compiled when they are first asked for.
type grammars struct {
	vocabulary func() *grammar.Vocabulary

	mu       sync.Mutex
	compiled map[string]*grammar.Grammar
}

// get returns a grammar by name.
func (g *grammars) get(name string) (*grammar.Grammar, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c := g.compiled[name]; c != nil {
		return c, nil
	}
	c, err := grammar.Compile(name, g.vocabulary())
	if err != nil {
		return nil, err
	}
	if g.compiled == nil {
		g.compiled = map[string]*grammar.Grammar{}
	}
	g.compiled[name] = c
	return c, nil
}
