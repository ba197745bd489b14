package grammar

// literal is a piece of text that an automaton reads as a whole, such as a tag.
type literal[S any] struct {
	text  string
	guard func(*S) verdict // whether the context lets it come; nil: it does
	then  func(*S)         // what reading it does to the state; it sets the next local state
	out   bool             // it is the way out of its place, for closing
}

// node is a place in a trie of literals: what has been read of one of them.
type node struct {
	next  []edge
	below []int // literals that go on here
	free  bool  // one of them has no guard
	done  int   // the literal that is complete, -1 for none
	depth int
}

// edge leads to the node after one more byte.
type edge struct {
	b  byte
	to int
}

// after is the node after one more byte, -1 for none.
func (n *node) after(b byte) int {
	for _, e := range n.next {
		if e.b == b {
			return e.to
		}
	}
	return -1
}

// trie holds the literals that may come at a place. Its nodes are local states, numbered from root.
type trie[S any] struct {
	root     int
	literals []literal[S]
	nodes    []node
}

// newTrie makes a trie whose nodes are numbered from root.
func newTrie[S any](root int, literals []literal[S]) *trie[S] {
	t := &trie[S]{root: root, literals: literals, nodes: []node{{done: -1}}}
	for i, l := range literals {
		at := 0
		t.nodes[0].below = append(t.nodes[0].below, i)
		for k := range len(l.text) {
			next := t.nodes[at].after(l.text[k])
			if next < 0 {
				next = len(t.nodes)
				t.nodes[at].next = append(t.nodes[at].next, edge{l.text[k], next})
				t.nodes = append(t.nodes, node{done: -1, depth: k + 1})
			}
			at = next
			t.nodes[at].below = append(t.nodes[at].below, i)
			t.nodes[at].free = t.nodes[at].free || l.guard == nil
		}
		t.nodes[at].done = i
	}
	return t
}

// step reads a byte at the node q. It returns the node it leads to, or, when a literal is complete, lets that
// act on the state and returns -1. A byte is allowed if a literal that it leads to is.
func (t *trie[S]) step(s *S, q int, b byte) (int, verdict) {
	at := t.nodes[q-t.root].after(b)
	if at < 0 {
		return 0, no
	}
	n := &t.nodes[at]
	v := no
	if n.free {
		v = yes
	}
	for k := 0; k < len(n.below) && v < yes; k++ {
		v = max(v, t.allowed(s, n.below[k]))
	}
	if v == no || n.done < 0 {
		return t.root + at, v
	}
	switch done := t.allowed(s, n.done); {
	case done == no: // a longer one goes on
		return t.root + at, v
	case done == ask && len(n.next) > 0:
		return -1, lost
	default:
		t.literals[n.done].then(s)
		return -1, done
	}
}

func (t *trie[S]) allowed(s *S, i int) verdict {
	if guard := t.literals[i].guard; guard != nil {
		return guard(s)
	}
	return yes
}

// close appends the rest of the shortest literal that is allowed at node q, of a way out if there is one, and lets
// it act on the state. At the root there is one.
func (t *trie[S]) close(s *S, q int, text []byte) []byte {
	n := &t.nodes[q-t.root]
	best := -1
	for _, i := range n.below {
		if t.allowed(s, i) != yes {
			continue
		}
		l := &t.literals[i]
		if best < 0 || l.out && !t.literals[best].out || l.out == t.literals[best].out && len(l.text) < len(t.literals[best].text) {
			best = i
		}
	}
	text = append(text, t.literals[best].text[n.depth:]...)
	t.literals[best].then(s)
	return text
}

// inner takes the mark of a way out from literals.
func inner[S any](all []literal[S]) []literal[S] {
	for i := range all {
		all[i].out = false
	}
	return all
}
