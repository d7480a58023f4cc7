import DOMPurify from 'dompurify';

const tags =
  'a b blockquote br code del div em h3 h4 h5 h6 hr i li ol p pre s strong sub sup table tbody td th thead tr ul';
const attributes = ['align', 'class', 'href', 'rel', 'start', 'tabindex', 'target'];

/** Keeps the few elements that Markdown makes. The text cannot bring a script, a style or a form into the page. */
export function toNodes(html: string): DocumentFragment {
  return DOMPurify.sanitize(html, {
    ALLOWED_TAGS: tags.split(' '),
    ALLOWED_ATTR: attributes,
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    RETURN_DOM_FRAGMENT: true,
  });
}
