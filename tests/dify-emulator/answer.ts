import { characterOf, type Character } from './character';
import { excerpt, languageOf, type Language } from './text';

/** The input of an answer: the character prompt, the question, and the earlier questions, oldest first. */
export type Question = {
  readonly prompt: string;
  readonly query: string;
  readonly earlier: readonly string[];
};

type Voice = {
  readonly greets: (character: Character) => string;
  readonly opens: (query: string) => string;
  readonly continues: (query: string, nth: number, before: string) => string;
  readonly muses: readonly string[];
  readonly closes: readonly string[];
};

/** Composes some sentences in the language of the question. The same question always gets the same answer. */
export function composeAnswer({ prompt, query, earlier }: Question): string {
  const voice = voices[languageOf(query)];
  const asked = excerpt(query, 60);
  const before = earlier.at(-1);
  const sentences = [
    voice.greets(characterOf(prompt)),
    before === undefined
      ? voice.opens(asked)
      : voice.continues(asked, earlier.length + 1, excerpt(before, 60)),
    pick(voice.muses, query),
    pick(voice.closes, `${query}${earlier.length}`),
  ];
  return sentences.join(languageOf(query) === 'en' || languageOf(query) === 'ko' ? ' ' : '');
}

/** Returns three questions that a user might ask next. */
export function composeSuggestions(query: string): string[] {
  return voices[languageOf(query)].closes.slice(0, 3);
}

function pick(from: readonly string[], seed: string): string {
  const sum = [...seed].reduce((total, character) => total + (character.codePointAt(0) ?? 0), 0);
  return from[sum % from.length] ?? '';
}

const voices: Record<Language, Voice> = {
  en: {
    greets: ({ name, role, words }) => {
      if (name !== '' && role !== '') return `${name} here, ${role}.`;
      if (name !== '') return `${name} here, and glad of the company.`;
      if (role !== '') return `You have found ${role}. Come in, the kettle is on.`;
      if (words !== '') return `I was handed one line to live by, “${words}”, and I do my best.`;
      return 'Nobody has told me who to be yet, so for now you have me plain.';
    },
    opens: (query) =>
      `You begin with “${query}”, and I do like a first question; everything is still possible.`,
    continues: (query, nth, before) =>
      `“${query}” is your ${ordinal(nth)} question. Before it came “${before}”, and I have not forgotten.`,
    muses: [
      'If I were a great model in a far-off hall I would answer at length; I am a small lantern on your own machine, so I answer warmly.',
      'I turned it over twice, the way one turns a shell, to hear whether the sea was still in it. It was.',
      'There is a short answer and a long one, and a third that only turns up after dinner.',
    ],
    closes: [
      'What made you think of it?',
      'Shall we follow that a little further?',
      'And what would you have answered?',
    ],
  },
  zh: {
    greets: ({ name, role, words }) => {
      if (name !== '' && role !== '') return `我是${name}，${role}。`;
      if (name !== '') return `我是${name}，很高兴有你作伴。`;
      if (role !== '') return `你遇见的是${role}。请进，茶刚沏好。`;
      if (words !== '') return `有人交给我一句话作底色：“${words}”，我尽力不辜负它。`;
      return '还没有人告诉我该成为谁，所以此刻你见到的是素颜的我。';
    },
    opens: (query) => `你先问了“${query}”，我喜欢第一个问题，一切都还来得及。`,
    continues: (query, nth, before) => `“${query}”是你的第${nth}个问题；上一个是“${before}”，我还记得。`,
    muses: [
      '若我是远方殿堂里的大模型，或许会长篇大论；可我只是你机器上的一盏小灯，只好答得暖一点。',
      '我把它翻来覆去看了两遍，像听贝壳里还有没有海。还有。',
      '这事有个短的答案，有个长的答案，还有一个要等到晚饭后才肯现身。',
    ],
    closes: ['你是怎么想到这个的？', '要不要再往下聊一点？', '换作是你，会怎么回答呢？'],
  },
  ja: {
    greets: ({ name, role, words }) => {
      if (name !== '' && role !== '') return `${name}です。${role}として、お話をうかがいます。`;
      if (name !== '') return `${name}です。お会いできてうれしいです。`;
      if (role !== '') return `ここにいるのは${role}です。どうぞお入りください、お茶が入りました。`;
      if (words !== '') return `「${words}」という一行を胸に、努めております。`;
      return 'まだ誰になるのか聞かされていないので、今日は素のままの私です。';
    },
    opens: (query) => `最初のご質問は「${query}」ですね。始まりの問いには、まだ何でもあり得ます。`,
    continues: (query, nth, before) =>
      `「${query}」は${nth}つ目のご質問ですね。ひとつ前の「${before}」も、ちゃんと覚えています。`,
    muses: [
      '遠くの大きなモデルなら長く語るのでしょうが、私はあなたの機械に灯る小さな明かり、せめて温かくお答えします。',
      '貝殻に耳をあてるように二度ほど確かめましたが、海はまだそこにありました。',
      '短い答えと長い答え、それから夕食のあとにだけ現れる三つ目の答えがあります。',
    ],
    closes: [
      'どうしてそれを思いついたのですか？',
      'もう少し続けましょうか。',
      'あなたなら、どう答えますか？',
    ],
  },
  ko: {
    greets: ({ name, role, words }) => {
      if (name !== '' && role !== '') return `저는 ${name}, ${role}입니다.`;
      if (name !== '') return `저는 ${name}입니다. 만나서 반가워요.`;
      if (role !== '') return `당신이 만난 이는 ${role}입니다. 어서 들어오세요, 차가 막 우러났어요.`;
      if (words !== '') return `제가 받은 한 줄은 “${words}”입니다. 그 말대로 해 볼게요.`;
      return '아직 누가 되어야 할지 듣지 못해서, 지금은 있는 그대로의 저예요.';
    },
    opens: (query) => `첫 질문은 “${query}”이군요. 첫 질문 앞에서는 무엇이든 가능하지요.`,
    continues: (query, nth, before) =>
      `“${query}”은 ${nth}번째 질문이에요. 바로 앞의 “${before}”도 잊지 않았어요.`,
    muses: [
      '먼 곳의 큰 모델이라면 길게 답하겠지만, 저는 당신 컴퓨터의 작은 등불이라 따뜻하게 답할게요.',
      '조개껍데기를 귀에 대듯 두 번 들어 보았는데, 바다는 아직 거기 있었어요.',
      '짧은 답과 긴 답이 있고, 저녁을 먹은 뒤에야 나타나는 세 번째 답도 있어요.',
    ],
    closes: ['어떻게 그 생각을 하게 되었나요?', '조금 더 이야기해 볼까요?', '당신이라면 어떻게 답했을까요?'],
  },
};

function ordinal(n: number): string {
  const suffixes: Record<string, string> = { one: 'st', two: 'nd', few: 'rd', other: 'th' };
  return `${n}${suffixes[new Intl.PluralRules('en', { type: 'ordinal' }).select(n)] ?? 'th'}`;
}
