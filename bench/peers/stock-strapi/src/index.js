const actions = [
  'api::character.character.find',
  'api::session.session.find',
  'api::message.message.find',
  'api::message.message.ask',
];

module.exports = {
  register() {},

  /** What somebody would click in the admin panel: the rights of users, and a character to talk to. */
  async bootstrap({ strapi }) {
    const role = await strapi.db
      .query('plugin::users-permissions.role')
      .findOne({ where: { type: 'authenticated' } });
    const permissions = strapi.db.query('plugin::users-permissions.permission');
    for (const action of actions) {
      const data = { action, role: role.id };
      if ((await permissions.count({ where: data })) === 0) await permissions.create({ data });
    }
    const characters = strapi.documents('api::character.character');
    if ((await characters.count({})) === 0) {
      await characters.create({
        data: { name: 'Ada', prompt: 'You are Ada, a mathematician.', introduce: 'Hello.' },
      });
    }
  },
};
