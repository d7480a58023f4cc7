/** The admin part of the plugin. Characters and chats are in Strapi's own Content Manager. */
export default {
  register(app) {
    app.registerPlugin({ id: 'character-chat', name: 'Character chat' });
  },
};
