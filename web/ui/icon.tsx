/** Lines of 24 by 24 units. */
const paths = {
  attach:
    'M21 11.5 12.5 20a5.5 5.5 0 0 1-7.8-7.8l8.5-8.5a3.7 3.7 0 0 1 5.2 5.2l-8.5 8.5a1.8 1.8 0 0 1-2.6-2.6l7.8-7.8',
  check: 'M4 12.5 9.5 18 20 6.5',
  close: 'M6 6l12 12M18 6 6 18',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
  dislike: 'M17 3h3v11h-3M17 14l-5 7a2 2 0 0 1-2-2v-4H5a2 2 0 0 1-2-2.3l1.2-7.2A2.6 2.6 0 0 1 6.8 3H17z',
  down: 'M6 9l6 6 6-6',
  edit: 'M4 20h4L19 9l-4-4L4 16zM13 7l4 4',
  globe: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM3 12h18M12 3c5 5 5 13 0 18M12 3c-5 5-5 13 0 18',
  left: 'M15 5l-7 7 7 7',
  like: 'M7 21H4V10h3M7 10l5-7a2 2 0 0 1 2 2v4h5a2 2 0 0 1 2 2.300l-1.2 7.200A2.6 2.6 0 0 1 17.2 21H7z',
  menu: 'M4 6h16M4 12h16M4 18h16',
  more: 'M5 12h.01M12 12h.01M19 12h.01',
  plus: 'M12 5v14M5 12h14',
  regenerate: 'M20 5v5h-5M4 19v-5h5M5.5 9a7.5 7.5 0 0 1 13-2L20 10M18.5 15a7.5 7.5 0 0 1-13 2L4 14',
  right: 'M9 5l7 7-7 7',
  search: 'M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM20 20l-4.7-4.7',
  send: 'M12 20V5M5 12l7-7 7 7',
  stop: 'M7 7h10v10H7z',
  theme: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 3v18M15 5v14M18 7v10',
  user: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 21c0-4 3.5-6 8-6s8 2 8 6',
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" width="20" height="20" aria-hidden="true" data-name={name}>
      <path d={paths[name]} />
    </svg>
  );
}
